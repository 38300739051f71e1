{
  "targets": [
    {
      "target_name": "turno",
      "sources": ["<!@(ls native/addon/*.cc)"],
      "include_dirs": ["native"],
      "cflags_cc": ["-std=c++20", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-cast-function-type"],
      "defines": ["_GNU_SOURCE"]
    },
    {
      "target_name": "turno_run",
      "type": "static_library",
      "product_prefix": "lib",
      "standalone_static_library": 1,
      "sources": ["native/cell/library/turno_run.c"],
      "include_dirs": ["native"],
      "cflags": ["-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", "-Wshadow"],
      "defines": ["_GNU_SOURCE"]
    },
    {
      "target_name": "turno-cell",
      "type": "executable",
      "sources": ["<!@(ls native/cell/*.c)"],
      "include_dirs": ["native"],
      "cflags": ["-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wstrict-prototypes",
        "-Wmissing-prototypes", "-Wswitch-enum", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong"],
      "ldflags": ["-static", "-s"],
      "defines": ["_GNU_SOURCE"]
    }
  ]
}
