# arm64: Debian's aarch64-linux-gnu-g++; fully static, so a test program runs under qemu-user as it is.
set(CREEL_TARGET arm64)
set(CREEL_TRIPLE aarch64-linux-gnu)
set(CREEL_PROCESSOR aarch64)
set(CREEL_RUNNER qemu-aarch64-static)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
