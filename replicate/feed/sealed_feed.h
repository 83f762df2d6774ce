#pragma once
#include <memory>

#include "replicate/feed/source.h"
#include "s3/service/key_ring.h"
#include "s3/service/sealed_body.h"

namespace creel::replicate {

// Bodies of encrypted objects on their way: plain bytes never leave the site unsealed.

// Whether the object can be sent: its key is here, or it travels as it is stored. The reason, for
// people, if not.
Result<Unit> can_travel(const store::RowReader& rows, const s3::ObjectRecord& record,
                        const s3::KeyRing& keys);

// The body of an encrypted object as it is to travel. SSE-C: as it is stored. Else it is sealed
// anew, under a key made from the object's own: the same object gives the same bytes, so that a cut
// transfer goes on. Call it in the step that found the record. Errors: kUnavailable: a key is
// missing now; kCorrupt, kIo.
Result<std::unique_ptr<FeedBody>> sealed_feed(const store::RowReader& rows, s3::Blobs& blobs,
                                              const s3::KeyRing& keys,
                                              const s3::ObjectRecord& record, FeedItem item);
// The same for what a filter made of it: `plain` are the bytes that item.record speaks of.
Result<std::unique_ptr<FeedBody>> resealed_feed(const s3::KeyRing& keys,
                                                std::unique_ptr<BodyReader> plain, FeedItem item);

}  // namespace creel::replicate
