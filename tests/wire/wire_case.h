// Requests and answers as text (style.md example 10). A file of tests/wire/*.txt holds cases:
//
//   # comment                                  anywhere on a line of its own
//   case a phrase that names it                begins a case; state is fresh
//   given bucket=field object=a.bin bytes=1024 header=content-type:text/plain
//   given clock 2026-01-02T03:04:05Z           also: text=…, part_bytes_min=…, domain=…, full,
//                                              damaged_after=READS, ownership=NAME
//   sign off=-1200 region=eu-west-1            how the next request is signed, see Signing
//   >>> GET /field/a.bin HTTP/1.1              a request: head lines, then what its body is
//   >>> range: bytes=0-9
//   >>> body: text   >>> bytes: 100   >>> md5   >>> fill: name 9000   >>> end   >>> fresh
//   <<< 206                                    what the answer must be; the first line sends
//   <<< content-range: bytes 0-9/1024          <<< no etag
//   <<< xml: Error/Code = NoSuchKey            <<< xml: A/B[2]/C = …   <<< xml: A/B count 2
//   <<< body: text   <<< bytes: 0-9   <<< empty   <<< closed   <<< open   <<< cut
//   <<< continue   <<< no continue   <<< literal ETag: "
//   <<< save id = xml A/B   <<< save tag = header etag
//
// $name stands for what was saved. Bodies know \r \n \t \\ \xHH; bytes: N are 0123456789012….
// Requests are signed by the driver with the case's clock unless `sign none`; Host, Content-Length
// and signature headers are added unless given.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace creel::test {

struct WireLine {
  std::string text;  // Without its marker.
  char kind = 'g';   // g given, s sign, > request, < answer
  int number = 0;    // In the file, from 1.
};

struct WireCase {
  std::string file;
  std::string name;
  int line = 0;
  std::vector<WireLine> lines;
};

// All cases of one file's text; `problem` names the first line that is none of the above.
std::vector<WireCase> parse_cases(std::string file, std::string_view text, std::string& problem);

struct Signing {
  bool none = false;                  // sign none
  std::optional<unsigned> presigned;  // presigned=SECONDS of validity
  std::string key = "test-key";       // key=…
  std::string secret = "test-secret"; // secret=…
  std::string region = "us-east-1";   // region=…
  long off_seconds = 0;               // off=…: how far the client's clock is ahead
  // payload=hash (of the body), unsigned, chunked, chunked-trailer, unsigned-trailer, or the text
  // of x-amz-content-sha256 itself.
  std::string payload = "hash";
  std::string trailer;  // trailer=name:value, of the streaming payloads
  bool te = false;  // te: HTTP chunks around the aws-chunks
  bool wrong_chunk = false;  // wrong_chunk: one digit of a chunk's signature differs
};
std::optional<Signing> parse_signing(std::string_view text);

// The bytes 0123456789012… from `from` up to `until`, which is not included.
std::string pattern(std::size_t from, std::size_t until);
std::string unescape(std::string_view text);

}  // namespace creel::test
