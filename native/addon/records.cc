// The hot paths of the table's records: a verified copy, a change, a record of the journal. One call each instead of hundreds
// of steps of JavaScript; src/shm/records.ts and journal.ts say what they do and why in that order, and do in JavaScript
// whatever is not the usual case: a record in the making, damage, a chunk never seen.
//
// Theory of operation. No state here: everything is in the mapped file. A TableView is what a thread says of it once, instead of at
// each call: arguments were a third of an update. Its fields are pointers into the mapping, and small numbers
// shifted so that V8 takes them for pointers: those it hands out without a call. Every index is checked against what is
// mapped: a stray store would hit the table. Nothing blocks, nothing allocates, nothing throws but RangeError.
//
// Order. The words of a record are copied with plain loads while another may write them; VERSION before and after, and the
// checksum, tell whether the copy is whole. The stores of a change are ordered by release stores and fences: nothing here
// needs a locked instruction on x86, where JavaScript's Atomics.store is one.

#include "records.h"

#include <atomic>
#include <cstdint>
#include <cstring>

#include "arguments.h"
#include "sum.h"

#define _Static_assert static_assert
#include "layout.h"

namespace turno {
namespace {

using v8::ArrayBufferView;
using v8::Local;

constexpr uint32_t kVersion = 0, kChecksum = 1, kWords = 2, kBody = 2;
constexpr uint32_t kChunkWords = TURNO_TABLE_CHUNK_WORDS, kChunkWordBits = __builtin_ctz(kChunkWords);
constexpr uint32_t kRowWords = sizeof(turno_row) / 4;
constexpr uint32_t kUserWords = sizeof(turno_user) / 4;
constexpr uint32_t kRowsPerChunk = kChunkWords / kRowWords, kRowBits = __builtin_ctz(kRowsPerChunk);
constexpr uint32_t kUserBits = __builtin_ctz(kChunkWords / kUserWords);
constexpr uint32_t kImageWords = sizeof(turno_agent::intent_image) / 4;
constexpr int32_t kNobody = -1, kLookYourself = -2;

struct Words {
  uint32_t *data = nullptr;
  size_t count = 0;
};

Words WordsAt(Arguments args, int index) {
  if (!args[index]->IsArrayBufferView()) return {};
  Local<ArrayBufferView> view = args[index].As<ArrayBufferView>();
  uint8_t *start = static_cast<uint8_t *>(view->Buffer()->Data()) + view->ByteOffset();
  return {reinterpret_cast<uint32_t *>(start), view->ByteLength() / 4};
}

// An integer that is given as one; V8 has it at hand.
uint32_t Number(Arguments args, int index) {
  return args[index]->IsInt32() ? static_cast<uint32_t>(args[index].As<v8::Int32>()->Value())
                                : static_cast<uint32_t>(static_cast<int64_t>(NumberAt(args, index)));
}

void Outside(Arguments args) {
  args.GetIsolate()->ThrowException(v8::Exception::RangeError(Text(args.GetIsolate(), "record outside its view")));
}

uint32_t Load(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
void Store(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

// The sum of the journal: checksum.ts, word for word.
uint32_t Mix(uint32_t hash, uint32_t value) {
  const uint32_t product = (hash ^ value) * UINT32_C(0x9e3779b1);
  return product ^ (product >> 15);
}

struct Sum {
  uint32_t a, b = 0x1b873593, c = 0x38495ab5, d = 0x5bd1e995;

  uint32_t Of(const uint32_t *words, uint32_t count) {
    uint32_t word = 0;
    for (; word + 4 <= count; word += 4) {
      a = Mix(a, words[word]), b = Mix(b, words[word + 1]), c = Mix(c, words[word + 2]), d = Mix(d, words[word + 3]);
    }
    for (; word < count; word++) a = Mix(a, words[word]);
    return Total();
  }

  uint32_t Total() const { return Mix(Mix(Mix(a, b), c), d); }
};

uint32_t Seed(uint32_t version, uint32_t kind, uint32_t index) {
  return (version * UINT32_C(0x85ebca6b)) ^ ((index + 1) * UINT32_C(0xc2b2ae35)) ^ ((kind + 1) * UINT32_C(0x27d4eb2f));
}

// A consistent, verified copy; false when it is not that simple.
bool CopyRecord(const uint32_t *record, uint32_t *image, uint32_t most, uint32_t kind, uint32_t index) {
  const uint32_t version = Load(record);
  if (version == 0 || (version & 1)) return false;
  const uint32_t count = record[kWords];
  if (count <= kBody || count > most) return false;
  const uint32_t sum = RecordSum(record + kBody, image + kBody, count - kBody, Seed(version, kind, index));
  const uint32_t checksum = record[kChecksum];
  std::atomic_thread_fence(std::memory_order_acquire);
  if (sum != checksum || Load(record) != version) return false;
  image[kVersion] = version;
  image[kChecksum] = checksum;
  return true;
}

// recordChecksum(image, kind, index, inSoftware?): what CHECKSUM must be, for whatever is not on a hot path.
void RecordChecksum(Arguments args) {
  const Words image = WordsAt(args, 0);
  const size_t said = image.count > kWords ? image.data[kWords] : 0;
  const auto count = static_cast<uint32_t>(said < image.count ? said : image.count);
  if (image.count <= kBody || count > kImageWords) return Outside(args);
  uint32_t copy[kImageWords];
  const uint32_t seed = Seed(image.data[kVersion], Number(args, 1), Number(args, 2));
  const auto sum = args[3]->IsTrue() ? CopyAndSum<SoftwareCrc> : RecordSum;
  args.GetReturnValue().Set(static_cast<int32_t>(sum(image.data + kBody, copy, count <= kBody ? 0 : count - kBody, seed)));
}

struct Table {
  const uint32_t *base;
  size_t chunks;  // that are mapped
  uint32_t rows_directory, users_directory, ids_directory, fixed_chunks;

  const turno_table_header *header() const { return reinterpret_cast<const turno_table_header *>(base); }

  // As Region.chunk(): a wild number would be somebody else's chunk.
  uint32_t *Chunk(uint32_t directory, uint32_t index) const {
    const uint32_t number = Load(base + directory + index);
    if (number < fixed_chunks || number >= Load(header()->committed) || number >= chunks) return nullptr;
    return const_cast<uint32_t *>(base) + static_cast<size_t>(number) * kChunkWords;
  }

  uint32_t *Record(uint32_t kind, uint32_t index) const {
    const bool is_row = kind == TURNO_RECORD_ROW;
    if (index >= (is_row ? header()->max_rows : header()->max_users)) return nullptr;
    const uint32_t bits = is_row ? kRowBits : kUserBits;
    uint32_t *chunk = Chunk(is_row ? rows_directory : users_directory, index >> bits);
    return chunk ? chunk + (index & ((UINT32_C(1) << bits) - 1)) * WordsOf(kind) : nullptr;
  }

  static uint32_t WordsOf(uint32_t kind) { return kind == TURNO_RECORD_ROW ? kRowWords : kUserWords; }
};

enum ViewField { kBase, kChunks, kRows, kUsers, kIds, kFixed, kBuffer, kViewFields };

// new TableView(words, rowsDirectory, usersDirectory, idsDirectory, fixedChunks); `words` is a view of the region's start.
void MakeView(Arguments args) {
  if (!args.IsConstructCall() || !args[0]->IsArrayBufferView()) return Outside(args);
  Local<v8::SharedArrayBuffer> buffer = args[0].As<ArrayBufferView>()->Buffer().As<v8::SharedArrayBuffer>();
  const auto set = [&](ViewField field, uint64_t number) {
    args.This()->SetAlignedPointerInInternalField(field, reinterpret_cast<void *>(number << 1));
  };
  args.This()->SetAlignedPointerInInternalField(kBase, buffer->Data());
  set(kChunks, buffer->ByteLength() / (kChunkWords * 4));
  for (int field = kRows; field <= kFixed; field++) set(static_cast<ViewField>(field), Number(args, field - 1));
  args.This()->SetInternalField(kBuffer, buffer);
}

// The methods have a signature: V8 calls them with a TableView only.
Table TableOf(Arguments args) {
  Local<v8::Object> view = args.This();
  const auto number = [&](ViewField field) {
    return reinterpret_cast<uint64_t>(view->GetAlignedPointerFromInternalField(field)) >> 1;
  };
  const auto small = [&](ViewField field) { return static_cast<uint32_t>(number(field)); };
  return {static_cast<const uint32_t *>(view->GetAlignedPointerFromInternalField(kBase)), number(kChunks), small(kRows),
          small(kUsers), small(kIds), small(kFixed)};
}

// readRecord(kind, index, image): whether `image` holds the record now.
void ReadRecord(Arguments args) {
  const Table table = TableOf(args);
  const uint32_t kind = Number(args, 0), index = Number(args, 1);
  const Words image = WordsAt(args, 2);
  const uint32_t *record = table.Record(kind, index);
  if (!record || image.count < Table::WordsOf(kind)) return Outside(args);
  args.GetReturnValue().Set(CopyRecord(record, image.data, Table::WordsOf(kind), kind, index));
}

// As indexLevel() of layout.ts.
uint32_t Level(uint32_t entries) {
  const uint32_t below = (entries < 1 ? 1 : entries) - 1;
  const uint32_t level = 33 - (below == 0 ? 32 : static_cast<uint32_t>(__builtin_clz(below)));
  return level < TURNO_TABLE_MIN_INDEX_LEVEL ? TURNO_TABLE_MIN_INDEX_LEVEL : level;
}

int32_t Find(const Table &table, const uint32_t key[4], uint32_t *image) {
  const uint32_t rows = Load(table.header()->rows);
  // Damage, and the directory would be left on the way to such a row.
  if (rows > table.header()->max_rows || rows > UINT32_C(1) << 30) return kLookYourself;
  const uint32_t size = UINT32_C(1) << Level(rows), mask = size - 1;
  uint32_t hash = 0x2545f491;
  for (int word = 0; word < 4; word++) hash = (hash ^ key[word]) * UINT32_C(0x9e3779b1);
  hash ^= hash >> 15;
  const uint32_t number_mask = (UINT32_C(1) << Level(table.header()->max_rows)) - 1;
  for (uint32_t probe = 0; probe <= mask; probe++) {
    const uint32_t place = size + ((hash + probe) & mask);
    const uint32_t *chunk = table.Chunk(table.ids_directory, place >> kChunkWordBits);
    if (!chunk) return kLookYourself;
    const uint32_t entry = Load(chunk + (place & (kChunkWords - 1)));
    if (entry == 0) return kNobody;
    // The tag spares a look at most rows of other keys.
    const uint32_t row = (entry & number_mask) - 1;
    if (((entry ^ hash) & ~number_mask) != 0 || row >= rows) continue;
    const uint32_t *area = table.Chunk(table.rows_directory, row >> kRowBits);
    if (!area) return kLookYourself;
    const uint32_t *record = area + (row & (kRowsPerChunk - 1)) * kRowWords;
    // Whoever looks a row up reads it next: its lines are asked for together, before the first of them is waited for.
    for (uint32_t line = 16; line < 96; line += 16) __builtin_prefetch(record + line);
    // The id of a committed row never changes: plain words will do.
    if (memcmp(record + offsetof(turno_row, id) / 4, key, 16) != 0) continue;
    if (image && !CopyRecord(record, image, kRowWords, TURNO_RECORD_ROW, row)) return kLookYourself;
    return static_cast<int32_t>(row);
  }
  return kNobody;
}

// findRow(id, image?): the row, -1 when there is none, -2: look yourself. With an image, it holds the row afterwards.
void FindRow(Arguments args) {
  const Words image = WordsAt(args, 1);
  uint32_t key[4];
  // Copied: asking a short typed array for its buffer would first make one.
  const size_t copied = args[0]->IsArrayBufferView() ? args[0].As<ArrayBufferView>()->CopyContents(key, sizeof key) : 0;
  if (copied != sizeof key || (image.data && image.count < kRowWords)) return Outside(args);
  args.GetReturnValue().Set(Find(TableOf(args), key, image.data));
}

// By the index of its first word.
turno_agent *AgentAt(const Table &table, Arguments args, int index) {
  const size_t word = Number(args, index);
  if (word + sizeof(turno_agent) / 4 > static_cast<size_t>(table.fixed_chunks) * kChunkWords) return nullptr;
  return reinterpret_cast<turno_agent *>(const_cast<uint32_t *>(table.base) + word);
}

// stageChange(agent, kind, index, image, running, done): step 1 of a change. The image gets its next version and its checksum,
// and goes into the agent's intent slot; INTENT is stored last.
void StageChange(Arguments args) {
  turno_agent *agent = AgentAt(TableOf(args), args, 0);
  const Words image = WordsAt(args, 3);
  if (!agent || image.count <= kBody || image.count > kImageWords) return Outside(args);
  const uint32_t kind = Number(args, 1), index = Number(args, 2);
  const uint32_t count = image.data[kWords];
  if (count <= kBody || count > image.count) return Outside(args);
  const uint32_t next = image.data[kVersion] + 2;
  const uint32_t version = next == 0 ? 2 : next;
  const uint32_t seed = Seed(version, kind, index);
  image.data[kVersion] = agent->intent_image[kVersion] = version;
  image.data[kChecksum] = agent->intent_image[kChecksum] =
      RecordSum(image.data + kBody, agent->intent_image + kBody, count - kBody, seed);
  agent->intent_index = index;
  agent->intent_running = agent->running + static_cast<int32_t>(Number(args, 4));
  agent->intent_done = agent->done + static_cast<int32_t>(Number(args, 5));
  agent->intent_is_logged = 0;
  Store(&agent->intent, kind + 1);
}

// publishChange(agent, steps): steps 3 to 6 of a change, from the agent's intent slot; those of them that `steps` names, for
// tests that die in between.
void PublishChange(Arguments args) {
  const Table table = TableOf(args);
  turno_agent *agent = AgentAt(table, args, 0);
  const uint32_t steps = Number(args, 1);
  const uint32_t kind = agent ? Load(&agent->intent) - 1 : UINT32_MAX;
  if (kind != TURNO_RECORD_ROW && kind != TURNO_RECORD_USER) return Outside(args);
  uint32_t *record = table.Record(kind, agent->intent_index);
  const uint32_t *image = agent->intent_image;
  const uint32_t count = image[kWords];
  if (!record || count <= kBody || count > Table::WordsOf(kind)) return Outside(args);
  const uint32_t half = count < 9 ? count : 9;
  if (steps & TURNO_CHANGE_BEGIN) {
    __atomic_store_n(record, image[kVersion] - 1, __ATOMIC_RELAXED);
    // No store of the body may pass it: a reader would be served a mixture under the old version.
    std::atomic_thread_fence(std::memory_order_release);
    memcpy(record + kChecksum, image + kChecksum, (half - kChecksum) * 4);
  }
  if (steps & TURNO_CHANGE_BODY) memcpy(record + half, image + half, (count - half) * 4);
  if (steps & TURNO_CHANGE_VERSION) Store(record, image[kVersion]);
  if (steps & TURNO_CHANGE_END) {
    Store(reinterpret_cast<uint32_t *>(&agent->running), static_cast<uint32_t>(agent->intent_running));
    Store(reinterpret_cast<uint32_t *>(&agent->done), static_cast<uint32_t>(agent->intent_done));
    Store(&agent->intent, 0);
  }
}

// Copies into the ring of the journal, round its end if need be.
void PutInRing(uint32_t *ring, uint32_t mask, uint32_t at, const uint32_t *words, uint32_t count) {
  const uint32_t first = at & mask, room = mask + 1 - first;
  const uint32_t now = count < room ? count : room;
  memcpy(ring + first, words, now * 4);
  memcpy(ring, words + now, (count - now) * 4);
}

// putRecord(words, ring, mask, position, salt, kind, index, image, imageWords, rest, restFrom, restBytes): writes a record of
// the journal into the ring, whose first word is `ring` and which has mask + 1 words.
void PutRecord(Arguments args) {
  const Words words = WordsAt(args, 0), image = WordsAt(args, 7), rest = WordsAt(args, 9);
  const size_t ring = Number(args, 1);
  const uint32_t mask = Number(args, 2), image_words = Number(args, 8), rest_bytes = Number(args, 11);
  const size_t rest_from = Number(args, 10), rest_words = (static_cast<size_t>(rest_bytes) + 3) / 4;
  const bool is_inside = ring + mask < words.count && image_words <= image.count && rest_from + rest_words <= rest.count;
  if (!is_inside || image_words + rest_words + sizeof(turno_journal_record) / 4 > mask) return Outside(args);
  const auto position = static_cast<uint64_t>(NumberAt(args, 3));
  turno_journal_record head = {};
  head.kind = Number(args, 5);
  head.position = position;
  head.index = Number(args, 6);
  head.words = image_words + static_cast<uint32_t>(rest_words);
  head.image_words = image_words;
  head.bytes = rest_bytes;
  constexpr uint32_t head_words = sizeof head / 4;
  uint32_t head_copy[head_words];
  memcpy(head_copy, &head, sizeof head);
  uint32_t hash = Sum{Number(args, 4)}.Of(head_copy + 1, head_words - 1);
  hash = Sum{hash}.Of(image.data, image_words);
  const uint32_t *rest_start = rest.data + rest_from;
  if (rest_words > 0) hash = Sum{hash}.Of(rest_start, static_cast<uint32_t>(rest_words));
  head_copy[0] = hash;
  const auto at = static_cast<uint32_t>(position / 4);
  uint32_t *start = words.data + ring;
  PutInRing(start, mask, at, head_copy, head_words);
  PutInRing(start, mask, at + head_words, image.data, image_words);
  if (rest_words > 0) PutInRing(start, mask, at + head_words + image_words, rest_start, static_cast<uint32_t>(rest_words));
}

}  // namespace

void AddRecords(v8::Local<v8::Object> exports) {
  v8::Isolate *isolate = v8::Isolate::GetCurrent();
  Local<v8::FunctionTemplate> view = v8::FunctionTemplate::New(isolate, MakeView);
  view->InstanceTemplate()->SetInternalFieldCount(kViewFields);
  const auto method = [&](const char *name, v8::FunctionCallback callback) {
    Local<v8::Signature> signature = v8::Signature::New(isolate, view);
    view->PrototypeTemplate()->Set(
        isolate, name, v8::FunctionTemplate::New(isolate, callback, Local<v8::Value>(), signature));
  };
  method("readRecord", ReadRecord);
  method("findRow", FindRow);
  method("stageChange", StageChange);
  method("publishChange", PublishChange);
  Local<v8::Context> context = isolate->GetCurrentContext();
  exports->Set(context, Text(isolate, "TableView"), view->GetFunction(context).ToLocalChecked()).Check();
  NODE_SET_METHOD(exports, "recordChecksum", RecordChecksum);
  NODE_SET_METHOD(exports, "putRecord", PutRecord);
}

}  // namespace turno
