/*
 * The end of a Python program: everything a program can notice happens, and what only gives memory back is left out, for the
 * process ends anyway. Of Python's own end (3.11: Py_FinalizeEx)
 *
 *     threads are joined, atexit functions called, streams flushed, garbage collected     all of it happens
 *     modules are taken apart: __main__ and what the program has imported                 happens
 *                              what the template had imported already                     left out (1), (2)
 *     interpreter, thread and types are taken apart                                       left out (3)
 *
 * It is Py_FinalizeEx() that does so; three things are put in its way, and where another version of Python goes another
 * way, nothing of it happens and the end is as long as ever.
 *
 * (1) gc.freeze() in the template: collections do not look at what it has. Not so `__main__` and its names, which may be part
 *     of the program's own garbage. The counts that decide when the next collection comes are made what they were.
 *     For a program that imports gc it is undone when the module is made.
 * (2) Before modules are taken apart Python drops a few names of `sys`; with the last of them goes a function to which we
 *     keep a weak reference, and so learn that it is time. Modules of the template are then taken out of sys.modules as
 *     Python itself would do it a moment later: their names say None.
 * (3) The first step of taking the interpreter apart clears the dictionary of the thread. In it lies a capsule of ours, whose
 *     destructor jumps back to where the end began. That is in Py_RunMain(), which looks for PYTHONINSPECT when the program is
 *     over and its exit code is known: so it is the getenv() below that begins the end. Py_RunMain() goes on then, finds no
 *     interpreter left to end, and returns the exit code. If a stream could not be flushed the code is another one, and if
 *     the program put another stream in place of stdout we cannot tell: then all of it happens, and after sys.exit() too.
 *
 * If a program has changed a module of the template, what the template holds is let go at (2), and Python takes all apart.
 */
#include "ending.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define MOST_KEPT 1024

typedef void *object; /* PyObject * */
typedef object collector_function();

struct method { /* PyMethodDef */
  const char *name;
  collector_function *function;
  int flags;
  const char *text;
};

static struct {
  collector_function *counts, *freeze, *unfreeze, *collect;
} collector;
static void *(*define_collector)(void);
static bool frozen;

static struct python {
  object (*PyImport_GetModuleDict)(void), (*PyModule_GetDict)(object);
  object (*PyDict_GetItem)(object, object), (*PyDict_GetItemString)(object, const char *);
  int (*PyDict_Next)(object, ssize_t *, object *, object *), (*PyDict_SetItem)(object, object, object);
  int (*PyDict_SetItemString)(object, const char *, object);
  object (*PyObject_CallMethod)(object, const char *, const char *, ...), (*PyObject_GetAttrString)(object, const char *);
  object (*PyTuple_GetItem)(object, ssize_t);
  long (*PyLong_AsLong)(object);
  object (*PyLong_FromLong)(long);
  object (*PyWeakref_NewRef)(object, object), (*PyCFunction_NewEx)(void *, object, object);
  object (*PyCapsule_New)(void *, const char *, void (*)(object)), (*PyThreadState_GetDict)(void), (*PyEval_GetFrame)(void);
  void (*Py_IncRef)(object), (*Py_DecRef)(object), (*PyObject_GC_Track)(object), (*PyObject_GC_UnTrack)(object), (*PyErr_Clear)(void);
  int (*Py_FinalizeEx)(void), (*_Py_IsFinalizing)(void), (*PyGILState_Check)(void), (*PyObject_IsInstance)(object, object);
  object _Py_NoneStruct, PyModuleDef_Type, PyModule_Type;
  const char *(*Py_GetVersion)(void);
} py;

#define NAMED(name) {#name, offsetof(struct python, name)}
static const struct {
  const char *name;
  size_t at;
} functions[] = {
    NAMED(PyImport_GetModuleDict), NAMED(PyModule_GetDict), NAMED(PyDict_GetItem), NAMED(PyDict_GetItemString), NAMED(PyDict_Next),
    NAMED(PyDict_SetItem), NAMED(PyDict_SetItemString), NAMED(PyObject_CallMethod), NAMED(PyObject_GetAttrString),
    NAMED(PyTuple_GetItem), NAMED(PyLong_AsLong), NAMED(PyLong_FromLong), NAMED(PyWeakref_NewRef), NAMED(PyCFunction_NewEx),
    NAMED(PyCapsule_New), NAMED(PyThreadState_GetDict), NAMED(PyEval_GetFrame), NAMED(Py_IncRef), NAMED(Py_DecRef),
    NAMED(PyObject_GC_Track), NAMED(PyObject_GC_UnTrack), NAMED(PyErr_Clear), NAMED(Py_FinalizeEx), NAMED(_Py_NoneStruct),
    NAMED(PyModuleDef_Type), NAMED(PyGILState_Check), NAMED(_Py_IsFinalizing), NAMED(PyObject_IsInstance), NAMED(PyModule_Type),
    NAMED(Py_GetVersion)
};

static struct kept {
  object name, module;
  uint64_t state[2]; /* of its names: how many, and a number that is another one after every change */
} kept[MOST_KEPT];
static size_t kept_count;
static object streams[2]; /* stdout and stderr as the interpreter made them */
static jmp_buf beginning;
static volatile bool prepared, armed, ending, flushed, failed;

static bool find_functions(void) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void *found = dlsym(RTLD_DEFAULT, functions[i].name);
    if (!found && functions[i].name[0] == '_') found = dlsym(RTLD_DEFAULT, functions[i].name + 1); /* Py_IsFinalizing, since 3.13 */
    if (!found) return false;
    memcpy((char *)&py + functions[i].at, &found, sizeof found);
  }
  return true;
}

static object of_sys(const char *name) {
  object sys = py.PyDict_GetItemString(py.PyImport_GetModuleDict(), "sys");
  return py.PyDict_GetItemString(py.PyModule_GetDict(sys), name);
}

/*
 * Python has flushed them already and knows whether that worked; we do not. So once more, which writes only what could not
 * be written then. A stream of the program's own, or a flush() of its own, is not called twice.
 */
static bool is_flushed(const char *name, object stream) {
  if (!stream || of_sys(name) != stream) return false;
  object own = py.PyObject_GetAttrString(stream, "__dict__");
  const bool is_changed = !own || py.PyDict_GetItemString(own, "flush");
  object result = is_changed ? NULL : py.PyObject_CallMethod(stream, "flush", NULL);
  if (!result) py.PyErr_Clear();
  return result != NULL;
}

/* Behind the head of a PyDictObject: ma_used and ma_version_tag. */
static void read_state(object module, uint64_t state[2]) {
  memcpy(state, (char *)py.PyModule_GetDict(module) + 16, 2 * sizeof *state);
}

/* Before 3.13; there the number behind ma_used is another one. */
static bool have_versions(void) { return !strncmp(py.Py_GetVersion(), "3.", 2) && strtol(py.Py_GetVersion() + 2, NULL, 10) < 13; }

/* What a program has put into a module of ours it may see go. */
static bool are_unchanged(void) {
  uint64_t now[2];
  if (!have_versions()) return false;
  for (size_t i = 0; i < kept_count; i++) {
    read_state(kept[i].module, now);
    if (memcmp(now, kept[i].state, sizeof now)) return false;
  }
  return true;
}

static void take_out_modules(void) {
  object modules = py.PyImport_GetModuleDict();
  for (size_t i = 0; i < kept_count; i++) {
    if (py.PyDict_GetItem(modules, kept[i].name) == kept[i].module) py.PyDict_SetItem(modules, kept[i].name, py._Py_NoneStruct);
  }
}

/* As if there had been no template. */
static void let_go(void) {
  if (frozen) collector.unfreeze(NULL, NULL);
  for (size_t i = 0; i < kept_count; i++) py.Py_DecRef(kept[i].module), py.Py_DecRef(kept[i].name);
  kept_count = 0;
}

/* Called as well when a program drops that name of `sys` itself. */
static object before_modules_go(object self, object reference) {
  (void)self, (void)reference;
  if (py._Py_IsFinalizing()) {
    const bool unchanged = are_unchanged();
    flushed = ending && unchanged && is_flushed("stdout", streams[0]) && is_flushed("stderr", streams[1]);
    if (unchanged) take_out_modules();
    else let_go();
  }
  py.Py_IncRef(py._Py_NoneStruct);
  return py._Py_NoneStruct;
}

static void when_thread_goes(object capsule) {
  (void)capsule;
  if (ending && flushed) longjmp(beginning, 1);
}

/* Taken apart by Python itself: `sys` and `builtins` by name, `__main__` because it is the program's. */
static bool is_taken_apart(object module) {
  static const char *const names[] = {"sys", "builtins", "__main__"};
  for (size_t i = 0; i < 3; i++) {
    if (py.PyDict_GetItemString(py.PyImport_GetModuleDict(), names[i]) == module) return true;
  }
  return false;
}

static void keep_modules(void) {
  object name, module;
  for (ssize_t at = 0; kept_count < MOST_KEPT && py.PyDict_Next(py.PyImport_GetModuleDict(), &at, &name, &module);) {
    if (is_taken_apart(module) || !py.PyObject_IsInstance(module, py.PyModule_Type)) continue;
    py.Py_IncRef(name), py.Py_IncRef(module);
    kept[kept_count] = (struct kept){.name = name, .module = module};
    read_state(module, kept[kept_count++].state);
  }
}

/* The program imports gc, which tells what is frozen. */
static void *make_collector(void) {
  if (frozen) collector.unfreeze(NULL, NULL);
  frozen = false;
  return define_collector();
}

/*
 * The functions of the module gc, without importing it: a program shall find neither it nor what an import leaves behind. Its
 * definition is in the table of built-in modules, and says where the functions are.
 */
static bool find_collector(void) {
  const struct definition {
    char head[40]; /* PyModuleDef_Base */
    const char *name, *text;
    ssize_t bytes;
    const struct method *methods;
  } *gc = define_collector ? define_collector() : NULL;
  if (!gc || ((void *const *)gc)[1] != py.PyModuleDef_Type) return false; /* before 3.10: it makes a module at once */
  for (const struct method *method = gc->methods; method && method->name; method++) {
    if (!strcmp(method->name, "get_count")) collector.counts = method->function;
    if (!strcmp(method->name, "freeze")) collector.freeze = method->function;
    if (!strcmp(method->name, "unfreeze")) collector.unfreeze = method->function;
    if (!strcmp(method->name, "collect")) collector.collect = method->function;
  }
  return collector.counts && collector.freeze && collector.unfreeze && collector.collect;
}

void ending_before_start(void) {
  struct builtin {
    const char *name;
    void *(*define)(void);
  } *const *table = dlsym(RTLD_DEFAULT, "PyImport_Inittab");
  for (struct builtin *module = table ? *table : NULL; module && module->name; module++) {
    if (strcmp(module->name, "gc")) continue;
    define_collector = module->define;
    module->define = make_collector;
  }
}

/* Of generations: objects made, collections of the one before. */
static bool read_counts(long counts[3]) {
  object now = collector.counts(NULL, NULL);
  for (int i = 0; now && i < 3; i++) counts[i] = py.PyLong_AsLong(py.PyTuple_GetItem(now, i));
  if (now) py.Py_DecRef(now);
  return now != NULL;
}

static void collect(long generation) {
  object argument = py.PyLong_FromLong(generation);
  collector.collect(NULL, &argument, 1, NULL);
}

static object make_function(void) {
  static struct method method = {"before_modules_go", (collector_function *)before_modules_go, 8 /* METH_O */, NULL};
  return py.PyCFunction_NewEx(&method, NULL, NULL);
}

/* So that the next collection comes when it would. Functions, because most other things come out of a store of used ones. */
static void restore_counts(const long wanted[3]) {
  long now[3];
  for (int i = 2; i > 0; i--) {
    for (long done = 0; done < wanted[i]; done++) collect(i - 1);
  }
  while (read_counts(now) && now[0] < wanted[0]) make_function();
}

/* Not what __main__ holds, nor anything where somebody has imported gc already. */
static void freeze(const long counts[3]) {
  object modules = py.PyImport_GetModuleDict(), main = py.PyDict_GetItemString(modules, "__main__");
  object names = main ? py.PyModule_GetDict(main) : NULL;
  if (!names || py.PyDict_GetItemString(modules, "gc")) return;
  py.PyObject_GC_UnTrack(main), py.PyObject_GC_UnTrack(names);
  frozen = collector.freeze(NULL, NULL) != NULL;
  py.PyObject_GC_Track(main), py.PyObject_GC_Track(names);
  restore_counts(counts);
}

static bool wait_for_modules(void) {
  object last = of_sys("__interactivehook__");
  return last && py.PyWeakref_NewRef(last, make_function());
}

void ending_prepare(void) {
  long counts[3];
  if (!find_functions() || !find_collector() || !read_counts(counts)) return;
  streams[0] = of_sys("stdout"), streams[1] = of_sys("stderr");
  object of_thread = py.PyThreadState_GetDict(), capsule = py.PyCapsule_New(&beginning, NULL, when_thread_goes);
  keep_modules();
  prepared = wait_for_modules() && of_thread && capsule && !py.PyDict_SetItemString(of_thread, "turno", capsule);
  if (capsule) py.Py_DecRef(capsule);
  counts[0]--; /* the dictionary of the thread came out of the store of used ones: one of the program's will be counted instead */
  freeze(counts);
  py.PyErr_Clear();
}

void ending_arm(void) { armed = prepared; }

/* If the whole end has come and something could not be flushed, Py_RunMain() does not learn it. */
static void begin(void) {
  armed = false;
  ending = true;
  if (!setjmp(beginning)) failed = py.Py_FinalizeEx() < 0;
}

bool ending_failed(void) { return failed; }

extern char **environ;

/*
 * For everybody, Python and its modules, also where nobody holds the interpreter's lock. No frame: nothing of the program is
 * being executed any more.
 */
__attribute__((visibility("default"))) char *getenv(const char *name) {
  const size_t length = strlen(name);
  for (char **entry = environ; entry && *entry; entry++) {
    if (!strncmp(*entry, name, length) && (*entry)[length] == '=') return *entry + length + 1;
  }
  if (armed && !strcmp(name, "PYTHONINSPECT") && py.PyGILState_Check() && !py.PyEval_GetFrame()) begin();
  return NULL;
}
