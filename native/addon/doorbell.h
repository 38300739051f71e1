// The bell of the signal transport; see doorbell.cc.
#pragma once

#include <node.h>

namespace turno {

void AddDoorbell(v8::Local<v8::Object> exports);

}  // namespace turno
