"""Faults of the product, planted in a copy of its sources that only tests_crash_teeth links.

    plants.py --sources              the files that have a copy
    plants.py --header OUT           the list of faults for teeth_test.cc
    plants.py --copy ROOT FILE OUT   FILE below ROOT with every fault of it, each behind its number

A fault is text of a source and what stands there instead; PLANTED in it is true while the fault is on. Text that is not
there exactly once fails the build: put the fault where the code went. The product's own files know nothing of this."""
import sys

CUT = "kPowerCut"  # Caught by crash states,
CALL = "kFailingCall"  # by a system call that fails,
FLIP = "kFlippedByte"  # by damage to a drive at rest.
SAME = "another place of the fault before it"

# (name, how it is caught, a workload that meets it soon, file, text, text instead)
PLANTS = [
    # --- flushes and their order
    ("batch not flushed", CUT, "seq:s", "store/log/folder.cc",
     "  ++flushes;\n  co_return co_await log_->sync(ctx);",
     "  ++flushes;\n  if (PLANTED) co_return Unit{};\n  co_return co_await log_->sync(ctx);"),
    ("answered before the flush", CUT, "rnd:", "store/engine.cc",
     "  Result<Unit> appended = co_await log_.append(ctx, offset, std::move(bytes));",
     "  while (PLANTED && !flight_->waiters.empty()) {\n"
     "    Submission& early = flight_->waiters.front();\n"
     "    early.answer(std::move(early.verdict));\n"
     "  }\n"
     "  Result<Unit> appended = co_await log_.append(ctx, offset, std::move(bytes));"),
    ("header of a LOG segment written but not flushed", CUT, "seq:k", "store/log/folder.cc",
     "    ++flushes;\n    CO_DO(co_await file->sync(ctx));",
     "    ++flushes;\n    if (!PLANTED) CO_DO(co_await file->sync(ctx));"),
    ("header of a LOG segment written late", CUT, "seq:", "store/log/folder.cc",
     "    CO_DO(co_await file->write(ctx, 0, parts));\n    ++flushes;",
     "    if (!PLANTED) CO_DO(co_await file->write(ctx, 0, parts));\n    ++flushes;"),
    ("header of a BULK segment not flushed", CUT, "seq:l", "store/log/folder.cc",
     "  CO_DO(co_await file->write(ctx, offset, parts));\n  co_return co_await file->sync(ctx);",
     "  CO_DO(co_await file->write(ctx, offset, parts));\n"
     "  if (PLANTED) co_return Unit{};\n  co_return co_await file->sync(ctx);"),
    ("body not flushed before it is named", CUT, "seq:l", "store/extents/bulk_stream.cc",
     "        Result<Unit> synced = co_await file->sync(ctx);",
     "        Result<Unit> synced = Unit{};\n        if (!PLANTED) synced = co_await file->sync(ctx);"),
    ("new segment's name not flushed", CUT, "seq:s", "store/log/folder.cc",
     "  if (made.ok()) made = co_await disk_.sync_dir(ctx, dir_ + \"/seg\");",
     "  if (made.ok() && !PLANTED) made = co_await disk_.sync_dir(ctx, dir_ + \"/seg\");"),
    ("DIR not flushed when it is formatted", CUT, "seq:", "store/recovery_folders.cc",
     "  CO_DO(co_await disk.sync_dir(ctx, folder.dir()));\n  if (!with_identity)",
     "  if (!PLANTED) CO_DO(co_await disk.sync_dir(ctx, folder.dir()));\n  if (!with_identity)"),
    ("folder above DIR not flushed", CUT, "seq:", "store/recovery_folders.cc",
     "  Result<Unit> named = co_await disk.sync_dir(ctx, parent_dir(folder.dir()));",
     "  Result<Unit> named = Unit{};\n"
     "  if (!PLANTED) named = co_await disk.sync_dir(ctx, parent_dir(folder.dir()));"),
    (SAME, CUT, "", "store/recovery_folders.cc",
     "    CO_DO(co_await folder.disk().sync_dir(ctx, parent_dir(folder.dir())));",
     "    if (!PLANTED) CO_DO(co_await folder.disk().sync_dir(ctx, parent_dir(folder.dir())));"),
    ("small file renamed before it is flushed", CUT, "seq:", "platform/disk.cc",
     "    CO_DO(co_await file->sync(ctx));\n  }\n  CO_DO(co_await disk.rename",
     "    if (!PLANTED) CO_DO(co_await file->sync(ctx));\n  }\n  CO_DO(co_await disk.rename"),
    ("small file renamed, its folder not flushed", CUT, "seq:", "platform/disk.cc",
     "  co_return co_await disk.sync_dir(ctx, parent_dir(path));",
     "  if (PLANTED) co_return Unit{};\n  co_return co_await disk.sync_dir(ctx, parent_dir(path));"),
    (SAME, CUT, "", "store/recovery.cc",
     "  CO_DO(co_await folder.disk().sync_dir(ctx, folder.dir()));",
     "  if (!PLANTED) CO_DO(co_await folder.disk().sync_dir(ctx, folder.dir()));"),
    ("state not flushed", CUT, "rnd:", "store/log/folder.cc",
     "  CO_DO(co_await file->write(ctx, next.sequence % 2 * kBlock, parts));\n"
     "  CO_DO(co_await file->sync(ctx));",
     "  CO_DO(co_await file->write(ctx, next.sequence % 2 * kBlock, parts));\n"
     "  if (!PLANTED) CO_DO(co_await file->sync(ctx));"),
    ("state written over the slot that holds it", CUT, "seq:r", "store/log/folder.cc",
     "  next.sequence = state.sequence + 1;",
     "  next.sequence = state.sequence + (PLANTED ? 2 : 1);"),
    ("idx/ not flushed", CUT, "seq:k", "store/index/lmdb_base.cc",
     "  TRY_DO(sync_folder(dir));\n  return std::unique_ptr<RowBase>(std::move(base));",
     "  if (!PLANTED) TRY_DO(sync_folder(dir));\n  return std::unique_ptr<RowBase>(std::move(base));"),
    ("index's first pages not flushed", CUT, "seq:k", "store/index/lmdb_base.cc",
     "  if (base->is_new()) {",
     "  if (base->is_new() && !PLANTED) {"),
    ("index opened with NOSYNC", CUT, "seq:k", "store/index/lmdb_base.cc",
     "  rc = mdb_env_open(env, dir.c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600);",
     "  rc = mdb_env_open(env, dir.c_str(), MDB_NOTLS | MDB_NORDAHEAD | (PLANTED ? MDB_NOSYNC : 0), 0600);"),
    ("index opened with NOMETASYNC", CUT, "seq:sk", "store/index/lmdb_base.cc",
     "  rc = mdb_env_set_maxreaders(env, 126);",
     "  if (PLANTED) mdb_env_set_flags(env, MDB_NOMETASYNC, 1);\n  rc = mdb_env_set_maxreaders(env, 126);"),
    ("index commits a batch before the log has it", CUT, "seq:sk", "store/engine.cc",
     "  flight_ = std::move(next_);\n  scope.spawn(fly(scope.ctx()));",
     "  flight_ = std::move(next_);\n"
     "  if (PLANTED) {\n"
     "    std::vector<RowEdit> early;\n"
     "    for (const auto& [name, value] : flight_->edits) early.push_back({name.table, name.key, value});\n"
     "    (void)base_->commit(early, flight_->last_lsn);\n"
     "    base_->publish();\n"
     "  }\n"
     "  scope.spawn(fly(scope.ctx()));"),
    ("rows and position in two transactions", CUT, "rnd:", "store/index/lmdb_base.cc",
     "  head.applied = applied;\n"
     "  Result<Unit> written = write_edits(txn, edits, head, append);",
     "  if (PLANTED) {\n"
     "    TRY_DO(write_edits(txn, edits, head, append));\n"
     "    if (mdb_txn_commit(txn) != 0 || mdb_txn_begin(env_, nullptr, 0, &txn) != 0)\n"
     "      return fail(ErrorCode::kIo, \"planted\");\n"
     "  }\n"
     "  head.applied = applied;\n"
     "  Result<Unit> written = PLANTED ? write_head(txn, head) : write_edits(txn, edits, head, append);"),
    # --- what a start does
    ("clean flag left standing by a start", CUT, "seq:rs", "store/recovery_folders.cc",
     "  next.clean = false;",
     "  next.clean = PLANTED && state_.clean;"),
    (SAME, CUT, "", "store/recovery.cc",
     "  CO_DO(co_await engine_.save_state(ctx, false));",
     "  if (!PLANTED) CO_DO(co_await engine_.save_state(ctx, false));"),
    ("last batch taken over without making it durable", CUT, "seq:x", "store/recovery.cc",
     "  if (!scan.last_batch_place()) co_return Unit{};",
     "  if (!scan.last_batch_place() || PLANTED) co_return Unit{};"),
    ("header of an empty segment not written again by a start", CUT, "seq:", "store/recovery.cc",
     "        if (empty && !state_.clean) {",
     "        if (empty && !state_.clean && !PLANTED) {"),
    ("bodies go on from a wrong end after a start", CUT, "seq:lr", "store/recovery.cc",
     "        engine_.bulk_.resume(*end);",
     "        engine_.bulk_.resume(PLANTED ? BulkEnd{end->segment, end->generation, kSegmentHeadBytes}\n"
     "                                     : *end);"),
    ("replay leaves out an operation", CUT, "seq:ss", "store/recovery.cc",
     "    CO_DO(replay_one(record, step.segment));",
     "    if (!PLANTED || record.head.lsn.value % 5 != 3) CO_DO(replay_one(record, step.segment));"),
    ("torn tail taken for damage", CUT, "seq:m", "store/log/log_scan.cc",
     "  if (!found && !next && !known) {",
     "  if (!found && !next && !known && !PLANTED) {"),
    # --- checks
    ("batch header's CRC unchecked", CUT, "seq:f", "store/log/format.cc",
     "      load_le<std::uint32_t>(bytes, 60) != seeded_crc32c(seed, offset, bytes.first(60)))\n"
     "    return corrupt(seed, offset, \"no batch header\");",
     "      (!PLANTED && load_le<std::uint32_t>(bytes, 60) != seeded_crc32c(seed, offset, bytes.first(60))))\n"
     "    return corrupt(seed, offset, \"no batch header\");"),
    ("seed left out of the CRCs", CUT, "seq:f", "store/log/format.cc",
     "std::uint32_t seeded_crc32c(const Seed& seed, std::uint64_t offset, ByteView bytes) {",
     "std::uint32_t seeded_crc32c(const Seed& seed, std::uint64_t offset, ByteView bytes) {\n"
     "  if (PLANTED) return crc32c(bytes);"),
    ("payload's CRC unchecked by the scan", CUT, "seq:m", "store/log/format.cc",
     "  view.payload_good = !check_payload ||",
     "  view.payload_good = PLANTED || !check_payload ||"),
    # Each is covered twice over, so both checks go.
    ("record's CRC and its batch's unchecked", FLIP, "seq:smsos", "store/log/format.cc",
     "  if (crc32c(body.first(named)) != head.meta_crc)",
     "  if (!PLANTED && crc32c(body.first(named)) != head.meta_crc)"),
    (SAME, FLIP, "", "store/log/format.cc",
     "  if (crc != batch.footer_crc64)",
     "  if (!PLANTED && crc != batch.footer_crc64)"),
    ("index's rows and their sum unchecked", FLIP, "seq:smsosk", "store/index/lmdb_base.cc",
     "  if (sum != head.sum)",
     "  if (!PLANTED && sum != head.sum)"),
    (SAME, FLIP, "", "store/index/lmdb_layers.cc",
     "      if (load_le<std::uint32_t>(as_bytes(stored), 4) == value_crc(key, value)) return value;",
     "      if (PLANTED || load_le<std::uint32_t>(as_bytes(stored), 4) == value_crc(key, value)) return value;"),
    ("body's CRC unchecked when it is read", FLIP, "seq:sms", "store/extents/extent_reader.cc",
     "      if (crc64_nvme(into) == extent.crc64) co_return Unit{};",
     "      if (PLANTED || crc64_nvme(into) == extent.crc64) co_return Unit{};"),
    ("cells' CRC unchecked when they are read", FLIP, "seq:ll", "store/extents/extent_reader.cc",
     "      if (crc64_nvme(ByteView(target).subspan(static_cast<std::size_t>(at), size)) != want)",
     "      if (!PLANTED && crc64_nvme(ByteView(target).subspan(static_cast<std::size_t>(at), size)) != want)"),
    # --- reclaiming
    ("moved bytes not flushed before they are named", CUT, "rec:", "store/reclaim/cleaner.cc",
     "    CO_DO(co_await cold_.flush(ctx));",
     "    if (!PLANTED) CO_DO(co_await cold_.flush(ctx));"),
    ("where the log begins not saved before a part of it is written over", CUT, "rec:", "store/reclaim/cleaner.cc",
     "    Result<Unit> saved = co_await engine_.save_state(ctx, false);",
     "    Result<Unit> saved = Unit{};\n    if (!PLANTED) saved = co_await engine_.save_state(ctx, false);"),
    ("dead bytes still counted as alive", CUT, "rec:", "store/reclaim/ledger.cc",
     "    of->live += change.bytes;",
     "    if (!PLANTED || change.bytes > 0) of->live += change.bytes;"),
    ("move applied to a row that changed meanwhile", CUT, "rec:", "store/reclaim/move_record.cc",
     "parse_place(value, at) != move.from) continue;",
     "(!PLANTED && parse_place(value, at) != move.from)) continue;"),
    # --- calls that fail
    ("flush tried again after EIO", CALL, "", "platform/uv/file_calls.cc",
     "  const int status = uninterrupted([&] { return fdatasync(file.fd); });",
     "  int status = uninterrupted([&] { return fdatasync(file.fd); });\n"
     "  if (PLANTED && status < 0) status = uninterrupted([&] { return fdatasync(file.fd); });"),
    ("failed flush taken as done", CALL, "", "platform/uv/file_calls.cc",
     "  if (status < 0) return fail(ErrorCode::kIo, cat(file.path, \": sync: \", errno_text(errno)));",
     "  if (status < 0 && !PLANTED)\n"
     "    return fail(ErrorCode::kIo, cat(file.path, \": sync: \", errno_text(errno)));"),
    ("short write taken as whole", CALL, "", "platform/uv/file_calls.cc",
     "    cursor.advance(static_cast<std::size_t>(written));",
     "    if (PLANTED) return Unit{};\n    cursor.advance(static_cast<std::size_t>(written));"),
    ("batch that met a full drive acknowledged", CALL, "", "store/engine.cc",
     "  if (appended.ok()) {\n    durable_batch_",
     "  if (appended.ok() || (PLANTED && appended.error().code == ErrorCode::kNoSpace)) {\n    durable_batch_"),
    ("failed flush of a body forgotten", CALL, "", "store/extents/bulk_stream.cc",
     "    else flush.failed = synced.error();",
     "    else if (PLANTED) flush.done = covers;\n    else flush.failed = synced.error();"),
    ("goes on writing after a failed flush", CALL, "", "store/log/volume.cc",
     "  if (read_only) return;\n  read_only = true;",
     "  if (read_only || PLANTED) return;\n  read_only = true;"),
]


def numbered():
    """(number, plant) in order."""
    number = 0
    for plant in PLANTS:
        number += plant[0] != SAME
        yield number, plant


def planted(root, name):
    """The file with all its faults."""
    with open(root + "/" + name, encoding="utf-8") as source:
        text = source.read()
    for number, (what, _, _, path, old, new) in numbered():
        if path != name:
            continue
        if text.count(old) != 1:
            sys.exit("tests/crash/plants/plants.py: the place of '%s' is %d times in %s" % (what, text.count(old), name))
        text = text.replace(old, new.replace("PLANTED", "(::creel::crash::planted == %d)" % number))
    return text


def header():
    """kPlants, for the test."""
    lines = ["// Made by plants.py.", "#pragma once", "", '#include "tests/crash/plants/plant.h"', "",
             "namespace creel::crash {", "", "inline constexpr Plant kPlants[] = {"]
    for number, (what, how, workload, path, _, _) in numbered():
        if what == SAME:
            continue
        lines.append('    {%d, "%s", Plant::Caught::%s, "%s", "%s"},' % (number, what, how, workload, path))
    return "\n".join(lines + ["};", "", "}  // namespace creel::crash", ""])


def main(arguments):
    if arguments == ["--sources"]:
        print(";".join(sorted({plant[3] for plant in PLANTS})), end="")
        return
    text = header() if arguments[0] == "--header" else planted(arguments[1], arguments[2])
    with open(arguments[-1], "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
