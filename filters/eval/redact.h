#pragma once
#include <string>
#include <string_view>

namespace creel::filters {

// Each appends `text` to `out` with every finding replaced. Broad on purpose where a rule of form
// is doubtful: too much goes rather than too little.
void redact_email(std::string_view text, std::string& out);  // local@domain → <email>
void redact_pan(std::string_view text, std::string& out);    // 13–19 digits passing Luhn → <pan>
void redact_ipv4(std::string_view text, std::string& out);   // dotted quad → <ipv4>
void redact_iban(std::string_view text, std::string& out);   // ISO 13616, mod 97 → <iban>

// Luhn's check over the digits of `text`; false if there is anything but digits, spaces and dashes,
// or fewer than two digits.
bool passes_luhn(std::string_view text);

}  // namespace creel::filters
