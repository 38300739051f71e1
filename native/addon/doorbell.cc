// The bell of the signal transport: a real-time signal whose payload says which slot, and the way to ring another process.
//
// Theory of operation. The handler may run in any thread of the process (V8's and libuv's block nothing), at any
// instruction. So it does only what is safe there: it checks the payload's range, sets the slot's bit in memory, and writes
// an eventfd, which the event loop of the thread that opened the bell polls. A pipe would be full after 64 KiB of rings and
// lose the rest; signalfd would need the signal blocked in threads that are not ours; a counter with bits loses nothing: a
// ring whose bit is set already says nothing new.
//
//     rings --> handler: bits |= 1 << slot; rung 0 -> 1: write eventfd      (any thread)
//     loop  --> read eventfd; rung = 0; call onRing, which swaps the words of bits with 0
//
// `rung` goes to 0 before the bits are taken: a ring that comes in between writes the eventfd again. The other way round its
// bit would lie there with nobody told.
//
// A process has one bell: a signal's handler belongs to the process. Who rings goes by a pidfd, not by a pid: between the
// look at a process and the signal to it the pid may have become another's, and an unexpected real-time signal is deadly.

#include "doorbell.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <climits>
#include <memory>

#include "arguments.h"

namespace turno {
namespace {

// What the handler reaches; a handler can reach nothing but statics. `fd` is stored last and says that the rest is there.
struct Bell {
  std::atomic<int> fd{-1};
  std::atomic<uint32_t *> bits{nullptr};
  std::atomic<uint32_t> count{0};
  std::atomic<uint32_t> rung{0};
  std::atomic<uint32_t> strays{0};
};
Bell bell;

void Ring(int, siginfo_t *info, void *) {
  const int saved = errno;
  const uint32_t value = static_cast<uint32_t>(info->si_value.sival_int);
  const int fd = bell.fd.load();
  // From kill() and its like there is no payload: si_value would be whatever lay there.
  if (fd == -1 || info->si_code != SI_QUEUE || value >= bell.count.load()) {
    bell.strays.fetch_add(1);
  } else {
    __atomic_fetch_or(bell.bits.load() + value / 32, UINT32_C(1) << value % 32, __ATOMIC_SEQ_CST);
    if (bell.rung.exchange(1) == 0) {
      const uint64_t one = 1;
      // It cannot be full: nobody adds while `rung` is 1.
      [[maybe_unused]] const ssize_t written = write(fd, &one, sizeof one);
    }
  }
  errno = saved;
}

// The end at the event loop's side; one at most, in the thread that opened the bell.
struct Listener {
  uv_poll_t poll;
  v8::Isolate *isolate;
  v8::Global<v8::Context> context;
  v8::Global<v8::Function> on_ring;
  std::shared_ptr<v8::BackingStore> bits;
  int signal;
  int fd;
};
std::atomic<Listener *> listener{nullptr};

void OnReadable(uv_poll_t *poll, int, int) {
  Listener *self = static_cast<Listener *>(poll->data);
  uint64_t count;
  if (RetryInterrupted([&] { return read(self->fd, &count, sizeof count); }) == -1) return;  // EAGAIN: read already
  bell.rung.store(0);
  v8::HandleScope scope(self->isolate);
  v8::Local<v8::Context> context = self->context.Get(self->isolate);
  v8::Context::Scope context_scope(context);
  v8::Local<v8::Function> on_ring = self->on_ring.Get(self->isolate);
  // What it throws is an uncaught exception of the process, as from any other callback.
  [[maybe_unused]] auto result = node::MakeCallback(self->isolate, context->Global(), on_ring, 0, nullptr, {0, 0});
}

void Close(Listener *self) {
  // Ignored, not default: a ring that is late must not end the process. No signal of that number: nothing to ignore.
  signal(self->signal, SIG_IGN);
  bell.fd.store(-1);
  // Here, not with the rest: at the end of a worker thread its isolate is gone before its loop has closed the handle.
  self->context.Reset();
  self->on_ring.Reset();
  uv_close(reinterpret_cast<uv_handle_t *>(&self->poll), [](uv_handle_t *handle) {
    Listener *closed = static_cast<Listener *>(handle->data);
    close(closed->fd);
    // Only now: a handler that began before the signal was ignored may have been looking at these bits until here.
    listener.store(nullptr);
    delete closed;
  });
}

void CloseWithEnvironment(void *self) { Close(static_cast<Listener *>(self)); }

// openBell(signal, bits, onRing): rings set bits of `bits`, an Int32Array, and `onRing` is called by this event loop, which
// the bell does not keep alive.
void OpenBell(Arguments args) {
  v8::Isolate *isolate = args.GetIsolate();
  const Bytes bits = BytesAt(args, 1);
  if (bits.length < sizeof(uint32_t) || !args[2]->IsFunction()) return ThrowErrno(args, "openBell", EINVAL);
  Listener *self = new Listener{};
  Listener *none = nullptr;
  if (!listener.compare_exchange_strong(none, self)) {
    delete self;
    return ThrowErrno(args, "openBell", EBUSY);
  }
  uv_loop_t *loop = node::GetCurrentEventLoop(isolate);
  self->isolate = isolate;
  self->signal = IntAt(args, 0);
  self->context.Reset(isolate, isolate->GetCurrentContext());
  self->on_ring.Reset(isolate, args[2].As<v8::Function>());
  self->bits = args[1].As<v8::ArrayBufferView>()->Buffer()->GetBackingStore();
  self->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int failed = self->fd == -1 ? errno : -uv_poll_init(loop, &self->poll, self->fd);
  if (failed != 0) {
    if (self->fd != -1) close(self->fd);
    listener.store(nullptr);
    delete self;
    return ThrowErrno(args, "eventfd", failed);
  }
  self->poll.data = self;
  uv_poll_start(&self->poll, UV_READABLE, OnReadable);
  uv_unref(reinterpret_cast<uv_handle_t *>(&self->poll));
  bell.bits.store(reinterpret_cast<uint32_t *>(bits.data));
  bell.count.store(static_cast<uint32_t>(bits.length / sizeof(uint32_t) * 32));
  bell.rung.store(0);
  bell.fd.store(self->fd);
  struct sigaction action = {};
  action.sa_sigaction = Ring;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  if (sigaction(self->signal, &action, nullptr) != 0) {
    failed = errno;
    Close(self);
    return ThrowErrno(args, "sigaction", failed);
  }
  node::AddEnvironmentCleanupHook(isolate, CloseWithEnvironment, self);
}

// closeBell(): from now on rings are ignored. Nothing happens when this thread has none open.
void CloseBell(Arguments args) {
  Listener *self = listener.load();
  if (!self || self->isolate != args.GetIsolate() || uv_is_closing(reinterpret_cast<uv_handle_t *>(&self->poll))) return;
  node::RemoveEnvironmentCleanupHook(args.GetIsolate(), CloseWithEnvironment, self);
  Close(self);
}

// strayRings(): how many there were, since the process began, without a payload in range.
void StrayRings(Arguments args) { args.GetReturnValue().Set(bell.strays.load()); }

// openProcess(pid): a pidfd, close-on-exec, or -1 when there is no such process.
void OpenProcess(Arguments args) {
  const long fd = syscall(SYS_pidfd_open, IntAt(args, 0), 0);
  if (fd == -1 && errno != ESRCH) return ThrowErrno(args, "pidfd_open", errno);
  args.GetReturnValue().Set(static_cast<int32_t>(fd));
}

// ringProcess(pidFd, signal, value): sigqueue(3) to that very process; false when it has ended.
void RingProcess(Arguments args) {
  const int signal = IntAt(args, 1);
  siginfo_t info = {};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_int = IntAt(args, 2);
  if (syscall(SYS_pidfd_send_signal, IntAt(args, 0), signal, &info, 0) == 0) return args.GetReturnValue().Set(true);
  if (errno != ESRCH) return ThrowErrno(args, "pidfd_send_signal", errno);
  args.GetReturnValue().Set(false);
}

}  // namespace

void AddDoorbell(v8::Local<v8::Object> exports) {
  NODE_SET_METHOD(exports, "openBell", OpenBell);
  NODE_SET_METHOD(exports, "closeBell", CloseBell);
  NODE_SET_METHOD(exports, "strayRings", StrayRings);
  NODE_SET_METHOD(exports, "openProcess", OpenProcess);
  NODE_SET_METHOD(exports, "ringProcess", RingProcess);
}

}  // namespace turno
