#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

// ./dev bench: every figure beside its physical limit, measured in the same run on the same
// machine.
namespace creel::bench {

double now_s();  // Monotonic.

// "  put 4 KiB, 32 clients        12,345 /s     0.62 of 19,900 /s (raw pwrite + fdatasync)"
void row(const std::string& name, double value, const char* unit, double limit,
         const std::string& limit_name);
void heading(const std::string& text);
std::string scratch_dir();  // A fresh folder on the disk of the temporary files; removed at exit.

// Raw limits.
double raw_commits_per_s(const std::string& dir, std::size_t batch_bytes, double seconds);
double raw_loopback_bytes_per_s(std::size_t total_bytes);  // sendfile over one loopback socket.
double md5_bytes_per_s();

void filters(std::size_t bytes);
void store(double seconds);
void api(double seconds, const std::string& binary);
void erasure();
void replication(const std::string& binary);
// Only when named: they take a private loop device, and minutes.
void flash(const std::string& binary);
void scale(const std::string& binary, std::size_t objects);

}  // namespace creel::bench
