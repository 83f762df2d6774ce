# armhf: Debian's arm-linux-gnueabihf-g++; fully static, so a test program runs under qemu-user as it is.
set(CREEL_TARGET armhf)
set(CREEL_TRIPLE arm-linux-gnueabihf)
set(CREEL_PROCESSOR armv7l)
set(CREEL_RUNNER qemu-arm-static)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
