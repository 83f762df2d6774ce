# x86_64: Debian's x86_64-linux-gnu-g++; fully static, so a test program runs under qemu-user as it is.
set(CREEL_TARGET x86_64)
set(CREEL_TRIPLE x86_64-linux-gnu)
set(CREEL_PROCESSOR x86_64)
set(CREEL_RUNNER qemu-x86_64-static)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
