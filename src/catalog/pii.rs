//! Regular expressions for personal data, in the dialect of Python's `re`.
//!
//! No `\b`: Hangul counts as a word character, so `\b` fails where Korean text meets a digit.
//! Look-arounds on `[0-9]` take its place. None checks a checksum: a pattern may refuse a number
//! that only looks like a card. The worst adversarial input of 100 kB took 20 ms.

use crate::spec::PiiKind;

const EMAIL: &[&str] = &[r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"];

/// International form, Korean mobile, Korean landline, North American.
const PHONE_NUMBER: &[&str] = &[
    r"(?<![0-9])\+(?:[ .()/-]{0,2}[0-9]){8,15}(?![0-9])",
    r"(?<![0-9])01[016789][ .-]{0,2}[0-9]{3,4}[ .-]{0,2}[0-9]{4}(?![0-9])",
    r"(?<![0-9])\(?0(?:2|[3-6][1-5]|70|50[0-9])[ .)-]{1,2}[0-9]{3,4}[ .-]{1,2}[0-9]{4}(?![0-9])",
    r"(?<![0-9])(?<![0-9][.-])(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}(?![0-9])",
];

/// Sixteen digits, American Express, Diners Club.
const CREDIT_CARD: &[&str] = &[
    concat!(
        r"(?<![0-9])(?:4[0-9]{3}|5[0-9]{3}|2(?:2[2-9]|[3-6][0-9]|7[0-2])[0-9]|35[2-8][0-9]",
        r"|6(?:011|2[0-9]{2}|4[4-9][0-9]|5[0-9]{2})|9[45][0-9]{2})(?:[ -]?[0-9]{4}){3}(?![0-9])"
    ),
    r"(?<![0-9])3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}(?![0-9])",
    r"(?<![0-9])3(?:0[0-5]|[689][0-9])[0-9][ -]?[0-9]{6}[ -]?[0-9]{4}(?![0-9])",
];

const KR_RRN: &[&str] = &[r"(?<![0-9])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[ -]{0,3}[1-8][0-9]{6}(?![0-9])"];

const US_SSN: &[&str] = &[r"(?<![0-9])(?<![0-9]-)(?!000|666|9)[0-9]{3}[ -](?!00)[0-9]{2}[ -](?!0000)[0-9]{4}(?!-?[0-9])"];

/// Only the countries of the IBAN registry, or every ticket number would match.
const IBAN: &[&str] = &[concat!(
    r"(?<![A-Za-z0-9])(?:AD|AE|AL|AT|AZ|BA|BE|BG|BH|BI|BR|BY|CH|CR|CY|CZ|DE|DJ|DK|DO|EE|EG|ES|FI|FK|FO|FR|GB|GE|GI|GL|GR|GT|HN|HR|HU",
    r"|IE|IL|IQ|IS|IT|JO|KW|KZ|LB|LC|LI|LT|LU|LV|LY|MC|MD|ME|MK|MN|MR|MT|MU|NI|NL|NO|OM|PK|PL|PS|PT|QA|RO|RS|RU|SA|SC|SD|SE|SI|SK",
    r"|SM|SO|ST|SV|TL|TN|TR|UA|VA|VG|XK|YE)[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
)];

/// IPv4, whole IPv6, shortened IPv6.
const IP_ADDRESS: &[&str] = &[
    concat!(
        r"(?<![0-9.])(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}",
        r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?!\.?[0-9])"
    ),
    r"(?<![0-9A-Za-z_:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z_:])",
    r"(?<![0-9A-Za-z_:])(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?::[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5}(?![0-9A-Za-z_:])",
];

/// The patterns that find a kind of personal data.
pub fn patterns(kind: PiiKind) -> &'static [&'static str] {
    match kind {
        PiiKind::Email => EMAIL,
        PiiKind::PhoneNumber => PHONE_NUMBER,
        PiiKind::CreditCard => CREDIT_CARD,
        PiiKind::KrRrn => KR_RRN,
        PiiKind::UsSsn => US_SSN,
        PiiKind::Iban => IBAN,
        PiiKind::IpAddress => IP_ADDRESS,
    }
}
