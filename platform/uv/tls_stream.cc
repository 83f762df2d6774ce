#include "platform/uv/tls_stream.h"

#include <mbedtls/ssl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "platform/base/text.h"
#include "platform/uv/errno_table.h"

namespace creel {

TlsStream::TlsStream(std::unique_ptr<Socket> socket, Address peer,
                     std::shared_ptr<const TlsConfig> config, TlsShared& shared)
    : socket_(std::move(socket)), config_(std::move(config)), shared_(shared) {
  peer_.address = std::move(peer);
  peer_.tls = true;
  mbedtls_ssl_init(&ssl_);
  failed_ = mbedtls_ssl_setup(&ssl_, config_->get());
  mbedtls_ssl_set_bio(&ssl_, this, send_some, receive_some, nullptr);
}

TlsStream::~TlsStream() { mbedtls_ssl_free(&ssl_); }

int TlsStream::send_some(void* self, const unsigned char* data, std::size_t length) {
  auto& stream = *static_cast<TlsStream*>(self);
  const iovec part{const_cast<unsigned char*>(data), length};
  const IoCount sent = stream.socket_->try_write({&part, 1});
  if (sent.blocked) return MBEDTLS_ERR_SSL_WANT_WRITE;
  if (sent.failed == 0) return static_cast<int>(sent.bytes);
  stream.failed_errno_ = sent.failed;
  return MBEDTLS_ERR_SSL_CONN_EOF;
}

int TlsStream::receive_some(void* self, unsigned char* data, std::size_t length) {
  auto& stream = *static_cast<TlsStream*>(self);
  if (!stream.socket_->may_read()) return MBEDTLS_ERR_SSL_WANT_READ;
  const IoCount got = stream.socket_->try_read({data, length});
  if (got.blocked) return MBEDTLS_ERR_SSL_WANT_READ;
  if (got.failed == 0) return static_cast<int>(got.bytes);  // 0: mbedTLS's end of connection.
  stream.failed_errno_ = got.failed;
  return MBEDTLS_ERR_SSL_CONN_EOF;
}

TlsStream::Step TlsStream::step_of(int status) {
  if (status == MBEDTLS_ERR_SSL_WANT_READ) return Step::kWantRead;
  if (status == MBEDTLS_ERR_SSL_WANT_WRITE) return Step::kWantWrite;
  failed_ = status;
  return Step::kFailed;
}

Result<Unit> TlsStream::set_server_name(const std::string& name) {
  if (mbedtls_ssl_set_hostname(&ssl_, name.c_str()) != 0)
    return fail(ErrorCode::kInvalid, cat("not a TLS server name: ", name));
  return Unit{};
}

TlsStream::Step TlsStream::try_handshake() {
  if (failed_ != 0) return Step::kFailed;
  const int status = mbedtls_ssl_handshake(&ssl_);
  if (status != 0) return step_of(status);
  learn_peer();
  return Step::kDone;
}

void TlsStream::learn_peer() {
  if (const char* protocol = mbedtls_ssl_get_alpn_protocol(&ssl_)) peer_.alpn = protocol;
  const mbedtls_x509_crt* certificate = mbedtls_ssl_get_peer_cert(&ssl_);
  // With optional client certificates the handshake passes unverified ones: they name nobody.
  if (certificate == nullptr || mbedtls_ssl_get_verify_result(&ssl_) != 0) return;
  peer_.identity = certificate_identity(*certificate);
}

Error TlsStream::handshake_error() const {
  if (failed_ == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
    return fail(ErrorCode::kDenied,
                cat("peer certificate: ", verify_text(mbedtls_ssl_get_verify_result(&ssl_))));
  if (failed_ == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE ||
      failed_ == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE || failed_ == MBEDTLS_ERR_SSL_BAD_CERTIFICATE)
    return fail(ErrorCode::kDenied, cat("TLS handshake: ", tls_error_text(failed_)));
  if (failed_errno_ != 0)
    return fail(ErrorCode::kUnavailable, cat("TLS handshake: ", errno_text(failed_errno_)));
  return fail(ErrorCode::kUnavailable, cat("TLS handshake: ", tls_error_text(failed_)));
}

Task<Result<Unit>> TlsStream::handshake(Ctx& ctx) {
  for (;;) {
    const Step step = try_handshake();
    if (step == Step::kDone) co_return Unit{};
    if (step == Step::kFailed) co_return handshake_error();
    CO_DO(co_await wait_for(ctx, step));
  }
}

Error TlsStream::closed_error() const {
  if (socket_->aborted()) return fail(ErrorCode::kClosed, "connection aborted");
  if (failed_errno_ != 0) return fail(ErrorCode::kClosed, errno_text(failed_errno_));
  return fail(ErrorCode::kClosed, tls_error_text(failed_));
}

Task<Result<Unit>> TlsStream::wait_for(Ctx& ctx, Step step) {
  check(step == Step::kWantRead || step == Step::kWantWrite);
  if (step == Step::kWantWrite) CO_DO(socket_->want_writable());
  while (!socket_->aborted() &&
         !(step == Step::kWantRead ? socket_->may_read() : socket_->may_write())) {
    Event& edge = step == Step::kWantRead ? socket_->readable() : socket_->writable();
    CO_DO(co_await edge.wait(ctx));
  }
  if (socket_->aborted()) co_return closed_error();
  co_return Unit{};
}

Task<Result<std::size_t>> TlsStream::read(Ctx& ctx, MutableBytes into) {
  check(!into.empty());
  if (!socket_->is_within_turn()) co_await YieldNow(ctx);
  for (;;) {
    if (ctx.stopped()) co_return ctx.stop_error();
    if (socket_->aborted() || failed_ != 0) co_return closed_error();
    const int status = mbedtls_ssl_read(&ssl_, into.data(), into.size());
    if (status > 0) co_return static_cast<std::size_t>(status);
    if (status == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) co_return std::size_t{0};
    if (status == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) continue;
    // The end of TCP without close_notify could be anybody's cut: not an orderly end.
    const Step step = step_of(status == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : status);
    if (step == Step::kFailed) co_return closed_error();
    CO_DO(co_await wait_for(ctx, step));
  }
}

ByteView TlsStream::next_record(const PartsCursor& cursor) {
  const int room = mbedtls_ssl_get_max_out_record_payload(&ssl_);
  const std::size_t most = room > 0 ? static_cast<std::size_t>(room) : 1024;
  if (cursor.front().size() >= most) return cursor.front().first(most);
  // Header and first bytes of a body in one record, so in one segment.
  shared_.scratch.resize(most);
  iovec vectors[PartsCursor::kVectors];
  const std::size_t count = cursor.fill(vectors);
  if (count == 1) return cursor.front();
  std::size_t filled = 0;
  for (std::size_t i = 0; i < count && filled < most; ++i) {
    const auto* data = static_cast<const std::uint8_t*>(vectors[i].iov_base);
    const std::size_t step = std::min(vectors[i].iov_len, most - filled);
    std::copy_n(data, step, shared_.scratch.data() + filled);
    filled += step;
  }
  return ByteView(shared_.scratch).first(filled);
}

Task<Result<Unit>> TlsStream::write(Ctx& ctx, std::span<const ByteView> parts) {
  if (!socket_->is_within_turn()) co_await YieldNow(ctx);
  PartsCursor cursor(parts);
  ByteView record;
  while (!cursor.done()) {
    if (socket_->aborted() || failed_ != 0) co_return closed_error();
    if (record.empty()) record = next_record(cursor);
    // A repeated call only sends what is already encrypted; it looks at the length, not the bytes,
    // so another stream may have used the scratch meanwhile.
    const int status = mbedtls_ssl_write(&ssl_, record.data(), record.size());
    if (status > 0) {
      cursor.advance(static_cast<std::size_t>(status));
      record = {};
      continue;
    }
    const Step step = step_of(status);
    if (step == Step::kFailed) co_return closed_error();
    CO_DO(co_await wait_for(ctx, step));
  }
  co_return Unit{};
}

Task<Result<Unit>> TlsStream::finish(Ctx& ctx) {
  for (;;) {
    if (socket_->aborted() || failed_ != 0) co_return closed_error();
    const int status = mbedtls_ssl_close_notify(&ssl_);
    if (status == 0) break;
    const Step step = step_of(status);
    if (step == Step::kFailed) co_return closed_error();
    CO_DO(co_await wait_for(ctx, step));
  }
  if (::shutdown(socket_->fd(), SHUT_WR) < 0) co_return fail(ErrorCode::kClosed, errno_text(errno));
  co_return Unit{};
}

}  // namespace creel
