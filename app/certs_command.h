#pragma once
#include <string>
#include <vector>

namespace creel::app {

// `creel certs DIR --core-name NAME… --site N…`: a private authority and what it signs, for the
// replication link (and for an S3 listener with TLS). Writes ca.pem, ca.key, core.pem, core.key,
// site-N.pem and site-N.key into DIR, all 0600; a site's certificate bears creel:fleet/site/N.
// An authority that is there signs again, so sites can be added later; other files that are there
// stand, and are named. Exit code as run_command().
int run_certs(const std::vector<std::string>& words);

}  // namespace creel::app
