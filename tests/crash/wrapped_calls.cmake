# What tests/crash/shim_calls.cc wraps: a reference to X in any object becomes one to __wrap_X.
set(CRASH_WRAPPED
  open open64 openat openat64 __open_2 __open64_2 write writev pwrite pwrite64 pwritev pwritev64 pwritev2
  pwritev64v2 ftruncate ftruncate64 fallocate fallocate64 posix_fallocate posix_fallocate64
  fsync fdatasync sync_file_range msync rename renameat renameat2 link linkat unlink unlinkat remove rmdir
  mkdir mkdirat close mmap mmap64)
set(CRASH_WRAP_OPTIONS)
foreach(name ${CRASH_WRAPPED})
  list(APPEND CRASH_WRAP_OPTIONS -Wl,--wrap=${name})
endforeach()
