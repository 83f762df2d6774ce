#pragma once
#include <memory>
#include <vector>

#include "platform/codec/stream.h"
#include "store/image/image_format.h"
#include "store/log/log_scan.h"

namespace creel::store {

// Walks an image in one folder and compares all of it with what its end says: checksums, order,
// counts and the hash of the state. Holds one frame.
class ImageReader {
 public:
  ImageReader(Volume& volume, Folder& folder, ImageInfo info)
      : volume_(volume), folder_(folder), info_(std::move(info)) {}

  // The next frame's rows; false once everything was read and compared. Errors: kCorrupt (names
  // the place), kIo.
  Task<Result<bool>> next(Ctx& ctx);
  const std::vector<ImageRow>& rows() const { return rows_; }  // Until the next call.
  std::uint64_t bytes_read() const { return bytes_; }          // Of frames, not compressed.

 private:
  Task<Result<Unit>> enter_part(Ctx& ctx);
  Task<Result<RecordView>> read_record(Ctx& ctx, std::uint64_t end);
  Result<Unit> unpack(ByteView payload, std::uint64_t plain_bytes, const RowsHead& head);
  Result<bool> finish() const;
  Seed seed() const;
  Error bad(std::string_view what) const;

  Volume& volume_;
  Folder& folder_;
  ImageInfo info_;
  LogWindow window_;
  std::unique_ptr<Decompressor> decompressor_;
  Bytes frame_;
  std::vector<ImageRow> rows_;
  std::size_t part_ = 0;
  std::uint64_t at_ = 0;  // In the part; 0: not entered.
  std::uint64_t frames_ = 0;
  std::uint64_t row_count_ = 0;
  std::uint64_t bytes_ = 0;
  StateHash hash_;
};

// Reads all of it. Errors: as next().
Task<Result<Unit>> verify_image(Ctx& ctx, Volume& volume, Folder& folder, const ImageInfo& info);

}  // namespace creel::store
