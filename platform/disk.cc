#include "platform/disk.h"

#include "platform/base/text.h"

namespace creel {

Task<Result<Unit>> File::write_sync(Ctx& ctx, std::uint64_t offset,
                                    std::span<const ByteView> parts) {
  CO_DO(co_await write(ctx, offset, parts));
  co_return co_await sync(ctx);
}

Task<Result<Bytes>> read_file(Ctx& ctx, Disk& disk, std::string path, std::size_t bytes_max) {
  CO_TRY(file, co_await disk.open(ctx, path, OpenOptions()));
  CO_TRY(size, co_await file->size(ctx));
  if (size > bytes_max)
    co_return fail(ErrorCode::kTooLarge, cat(path, ": ", size, " bytes, at most ", bytes_max));
  Bytes content(static_cast<std::size_t>(size));
  CO_TRY(got, co_await file->read(ctx, 0, content));
  content.resize(got);
  co_return std::move(content);
}

Task<Result<Unit>> write_file_durable(Ctx& ctx, Disk& disk, std::string path, Bytes content) {
  const std::string tmp = path + ".tmp";
  OpenOptions options;
  options.write = options.create = true;
  {
    CO_TRY(file, co_await disk.open(ctx, tmp, options));
    CO_DO(co_await file->truncate(ctx, 0));
    const ByteView parts[] = {content};
    CO_DO(co_await file->write(ctx, 0, parts));
    CO_DO(co_await file->sync(ctx));
  }
  CO_DO(co_await disk.rename(ctx, tmp, path));
  co_return co_await disk.sync_dir(ctx, parent_dir(path));
}

std::string parent_dir(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

}  // namespace creel
