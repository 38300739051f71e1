// The hot paths of the table's records; see records.cc.
#pragma once

#include <node.h>

namespace turno {

void AddRecords(v8::Local<v8::Object> exports);

}  // namespace turno
