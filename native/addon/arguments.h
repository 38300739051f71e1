// What every file of the addon needs: arguments as C++ values, a kernel error as an Error with `code`, `errno`, `syscall`.
#pragma once

#include <node.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

namespace turno {

using Arguments = const v8::FunctionCallbackInfo<v8::Value> &;

template <typename Call>
auto RetryInterrupted(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

inline v8::Local<v8::String> Text(v8::Isolate *isolate, const char *text) {
  return v8::String::NewFromUtf8(isolate, text).ToLocalChecked();
}

inline void ThrowErrno(Arguments args, const char *call, int number) {
  v8::Isolate *isolate = args.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const char *name = strerrorname_np(number);
  const std::string message = std::string(call) + ": " + (name ? name : "unknown") + ", " + strerrordesc_np(number);
  v8::Local<v8::Object> error = v8::Exception::Error(Text(isolate, message.c_str())).As<v8::Object>();
  error->Set(context, Text(isolate, "code"), Text(isolate, name ? name : "UNKNOWN")).Check();
  error->Set(context, Text(isolate, "errno"), v8::Integer::New(isolate, number)).Check();
  error->Set(context, Text(isolate, "syscall"), Text(isolate, call)).Check();
  isolate->ThrowException(error);
}

inline double NumberAt(Arguments args, int index) {
  return args[index]->NumberValue(args.GetIsolate()->GetCurrentContext()).FromMaybe(0);
}

inline int IntAt(Arguments args, int index) { return static_cast<int>(NumberAt(args, index)); }

inline std::string TextAt(Arguments args, int index) {
  v8::String::Utf8Value text(args.GetIsolate(), args[index]);
  return std::string(*text ? *text : "", text.length());
}

struct Bytes {
  uint8_t *data = nullptr;
  size_t length = 0;
};

// The bytes of a typed array, shared or not; empty when the argument is none.
inline Bytes BytesAt(Arguments args, int index) {
  if (!args[index]->IsArrayBufferView()) return {};
  v8::Local<v8::ArrayBufferView> view = args[index].As<v8::ArrayBufferView>();
  return {static_cast<uint8_t *>(view->Buffer()->Data()) + view->ByteOffset(), view->ByteLength()};
}

}  // namespace turno
