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
      "target_name": "template-program",
      "type": "shared_library",
      "product_prefix": "",
      "sources": ["native/template/program.c"],
      "cflags": ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-fvisibility=hidden", "-fno-stack-protector", "-U_FORTIFY_SOURCE"],
      "ldflags": ["-nostdlib", "-Wl,-z,initfirst", "-Wl,-z,now", "-s"],
      "defines": ["_GNU_SOURCE"]
    },
    {
      "target_name": "template-python",
      "type": "shared_library",
      "product_prefix": "",
      "sources": ["native/template/python.c", "native/template/ending.c"],
      "cflags": ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-fvisibility=hidden"],
      "ldflags": ["-Wl,-z,now", "-s"],
      "libraries": ["-ldl"],
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
