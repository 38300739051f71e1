// The checksum of rows and users: CRC-32C, which x86-64 has an instruction for. Three lanes, because one would wait for itself
// at every step; each is a CRC of every third pair of words, and the sum is the CRC of the first over the two others. So the sum
// changes with any change of one word, and with each seed.
//
// Copies while it sums: a word is read once, so that what was summed is what was copied.
#pragma once

#include <cstdint>
#include <cstring>

#ifdef __x86_64__
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace turno {

constexpr uint32_t kLaneB = 0x1b873593, kLaneC = 0x38495ab5;

struct SoftwareCrc {
  static uint32_t Add8(uint32_t crc, uint8_t byte) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (UINT32_C(0x82f63b78) & (0 - (crc & 1)));
    return crc;
  }
  static uint32_t Add32(uint32_t crc, uint32_t word) {
    for (int shift = 0; shift < 32; shift += 8) crc = Add8(crc, static_cast<uint8_t>(word >> shift));
    return crc;
  }
  static uint32_t Add64(uint32_t crc, uint64_t pair) {
    return Add32(Add32(crc, static_cast<uint32_t>(pair)), static_cast<uint32_t>(pair >> 32));
  }
};

#ifdef __x86_64__
#define TURNO_CRC_TARGET __attribute__((target("sse4.2")))
struct HardwareCrc {
  TURNO_CRC_TARGET static uint32_t Add32(uint32_t crc, uint32_t word) { return _mm_crc32_u32(crc, word); }
  TURNO_CRC_TARGET static uint32_t Add64(uint32_t crc, uint64_t pair) {
    return static_cast<uint32_t>(_mm_crc32_u64(crc, pair));
  }
};
inline bool HasHardwareCrc() { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__ARM_FEATURE_CRC32)
#define TURNO_CRC_TARGET
struct HardwareCrc {
  static uint32_t Add32(uint32_t crc, uint32_t word) { return __crc32cw(crc, word); }
  static uint32_t Add64(uint32_t crc, uint64_t pair) { return __crc32cd(crc, pair); }
};
inline bool HasHardwareCrc() { return true; }
#else
#define TURNO_CRC_TARGET
using HardwareCrc = SoftwareCrc;
inline bool HasHardwareCrc() { return false; }
#endif

// Another may be writing it: it must be read once, whatever the compiler would like.
inline uint64_t PlainPair(const uint32_t *words) {
  if (reinterpret_cast<uintptr_t>(words) % 8 == 0) {
    return __atomic_load_n(reinterpret_cast<const uint64_t *>(words), __ATOMIC_RELAXED);
  }
  const uint32_t low = __atomic_load_n(words, __ATOMIC_RELAXED), high = __atomic_load_n(words + 1, __ATOMIC_RELAXED);
  return low | static_cast<uint64_t>(high) << 32;
}

// The caller's CPU has what Crc wants.
template <typename Crc>
TURNO_CRC_TARGET inline uint32_t CopyAndSum(const uint32_t *from, uint32_t *to, uint32_t count, uint32_t seed) {
  uint32_t a = seed, b = kLaneB, c = kLaneC, word = 0;
  for (; word + 6 <= count; word += 6) {
    const uint64_t p0 = PlainPair(from + word), p1 = PlainPair(from + word + 2), p2 = PlainPair(from + word + 4);
    memcpy(to + word, &p0, 8), memcpy(to + word + 2, &p1, 8), memcpy(to + word + 4, &p2, 8);
    a = Crc::Add64(a, p0), b = Crc::Add64(b, p1), c = Crc::Add64(c, p2);
  }
  for (; word < count; word++) a = Crc::Add32(a, to[word] = __atomic_load_n(from + word, __ATOMIC_RELAXED));
  return Crc::Add64(a, b | static_cast<uint64_t>(c) << 32);
}

// Of `count` words, which are also copied.
inline uint32_t RecordSum(const uint32_t *from, uint32_t *to, uint32_t count, uint32_t seed) {
  static const bool has_hardware = HasHardwareCrc();
  return has_hardware ? CopyAndSum<HardwareCrc>(from, to, count, seed) : CopyAndSum<SoftwareCrc>(from, to, count, seed);
}

}  // namespace turno
