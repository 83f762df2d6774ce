/* What ISA-L's inflate asks of the rest of ISA-L, so that the linker need not take its deflate, Adler-32 and every
 * CRC with their variants for each processor: 90 KB. It lies first in libisal.a.
 *
 * Creel gives it no zlib streams: Adler-32 is a dead call, and ends the process should that change. The checksum
 * of a gzip member is ISA-L's own, chosen by the processor as ISA-L does. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "igzip_lib.h"

uint32_t isal_adler32_bam1(uint32_t sum, const unsigned char* data, uint64_t length) {
  (void)sum, (void)data, (void)length;
  abort();
}
void isal_gzip_header_init(struct isal_gzip_header* header) {
  memset(header, 0, sizeof *header);
}
void isal_zlib_header_init(struct isal_zlib_header* header) {
  memset(header, 0, sizeof *header);
}

#if defined(__x86_64__)
extern uint32_t crc32_gzip_refl_base(uint32_t seed, unsigned char* data, uint64_t length);
extern uint32_t crc32_gzip_refl_by8(uint32_t seed, const unsigned char* data, uint64_t length);

uint32_t crc32_gzip_refl(uint32_t seed, const unsigned char* data, uint64_t length) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) return crc32_gzip_refl_by8(seed, data, length);
  return crc32_gzip_refl_base(seed, (unsigned char*)data, length);
}
#endif
