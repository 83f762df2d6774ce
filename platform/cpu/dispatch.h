#pragma once

namespace creel {

// The instructions our kernels may use: what the processor and the system offer, asked once.
// All false with CREEL_CPU=plain in the environment, and on targets without such kernels.
struct CpuFeatures {
  bool x86_pclmul = false;   // PCLMULQDQ and SSE4.2.
  bool x86_vpclmul = false;  // The same on 512-bit registers: VPCLMULQDQ and AVX-512.
  bool x86_sha = false;      // SHA-NI and SSE4.1.
  bool arm_pmull = false;    // Polynomial multiply, 64 × 64 bits.
  bool arm_crc = false;      // CRC-32 and CRC-32C instructions.
  bool arm_sha2 = false;     // SHA-256 instructions.
};

// Safe on any thread and during static initialisation. Any value of CREEL_CPU but "plain" is as
// none.
const CpuFeatures& cpu_features();

// What the hardware has, whatever CREEL_CPU says: tests compare kernels with it.
CpuFeatures detect_cpu_features();

}  // namespace creel
