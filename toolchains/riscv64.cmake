# riscv64: Debian's riscv64-linux-gnu-g++; fully static, so a test program runs under qemu-user as it is.
set(CREEL_TARGET riscv64)
set(CREEL_TRIPLE riscv64-linux-gnu)
set(CREEL_PROCESSOR riscv64)
set(CREEL_RUNNER qemu-riscv64-static)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
