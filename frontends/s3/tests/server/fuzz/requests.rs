//! Requests of all operations, with parts that do not belong together.

use super::random::Random;
use crate::ask;
use crate::client::Ask;

const METHODS: [&str; 7] = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"];
const PATHS: [&str; 18] = [
    "/",
    "/bkt",
    "/bkt/",
    "/bkt/key",
    "/bkt/key2",
    "/bkt/dir/key",
    "/bkt/dir/",
    "/bkt/dir",
    "/bkt/a%2F%2Fb",
    "/bkt/a//b/..",
    "/bkt/%C3%A4%01%0D%0A",
    "/bkt/%00",
    "/bkt/%ff",
    "/bkt/%",
    "/bkt/.versions/x",
    "/none/key",
    "/Not_A_Name/key",
    "//",
];
/// Requests that make sense: method, path with query, body.
const SENSIBLE: [(&str, &str, &str); 24] = [
    ("PUT", "/bkt/key", "data"),
    ("PUT", "/bkt/dir/key", "LARGE"),
    ("GET", "/bkt/key", ""),
    ("HEAD", "/bkt/key", ""),
    ("DELETE", "/bkt/key2", ""),
    ("GET", "/bkt?list-type=2", ""),
    ("GET", "/bkt?delimiter=%2F&marker=a", ""),
    ("GET", "/bkt?versions", ""),
    ("GET", "/bkt?uploads", ""),
    ("GET", "/bkt?location", ""),
    ("GET", "/bkt?versioning", ""),
    ("GET", "/", ""),
    ("POST", "/bkt?delete", "DELETE"),
    ("POST", "/bkt/key?uploads", ""),
    ("PUT", "/bkt/key?partNumber=1&uploadId=UPLOAD", "data"),
    ("PUT", "/bkt/key?partNumber=2&uploadId=UPLOAD", "LARGE"),
    ("GET", "/bkt/key?uploadId=UPLOAD", ""),
    ("POST", "/bkt/key?uploadId=UPLOAD", "COMPLETE"),
    ("GET", "/bkt/key?attributes", ""),
    ("GET", "/bkt/key?tagging", ""),
    ("PUT", "/bkt/key?tagging", "TAGS"),
    ("DELETE", "/bkt/key?tagging", ""),
    ("PUT", "/bkt/key2?renameObject", ""),
    ("PUT", "/other-bucket", ""),
];
const QUERIES: [&str; 26] = [
    "acl",
    "attributes",
    "continuation-token",
    "delete",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "list-type",
    "location",
    "marker",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "partNumber",
    "prefix",
    "renameObject",
    "response-content-type",
    "start-after",
    "tagging",
    "upload-id-marker",
    "uploadId",
    "uploads",
    "versionId",
    "x-id",
];
const HEADERS: [&str; 40] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-md5",
    "content-type",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "x-amz-acl",
    "x-amz-checksum-algorithm",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-mode",
    "x-amz-checksum-sha256",
    "x-amz-checksum-type",
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-range",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
    "x-amz-if-match-size",
    "x-amz-max-parts",
    "x-amz-meta-a",
    "x-amz-meta-b",
    "x-amz-metadata-directive",
    "x-amz-mp-object-size",
    "x-amz-object-attributes",
    "x-amz-part-number-marker",
    "x-amz-rename-source",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-tagging-directive",
    "x-amz-trailer",
    "x-amz-write-offset-bytes",
    "x-unknown",
];
const VALUES: [&str; 36] = [
    "",
    "*",
    "/bkt/key",
    "/bkt/dir/key",
    "bkt/%ff",
    "/none/key",
    "0",
    "1",
    "2",
    "4",
    "-1",
    "10000",
    "10001",
    "2147483648",
    "18446744073709551616",
    "\"d41d8cd98f00b204e9800998ecf8427e\"",
    "\"unclosed",
    "=?UTF-8?B?w7w=?=",
    "=?UTF-8?B?!!!?=",
    "AAAAAA==",
    "1B2M2Y8AsgTpgAmY7PhCfg==",
    "CRC32",
    "COPY",
    "ETag,Checksum,ObjectParts,StorageClass,ObjectSize",
    "ENABLED",
    "FULL_OBJECT",
    "Fri, 02 Jan 2026 03:04:05 GMT",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "REPLACE",
    "a=b&c=d",
    "aws-chunked",
    "bytes=0-0",
    "bytes=-1",
    "bytes=1-18446744073709551615",
    "url",
    "x-amz-checksum-crc32",
];

/// Some request; `upload` is one that exists.
pub(super) fn request(random: &mut Random, upload: &str) -> Ask {
    let mut made = if random.one_in(5) {
        let mut made = ask(random.of::<&str>(&METHODS), random.of::<&str>(&PATHS));
        let kind = random_body(random.below(5));
        made.body = body(random, kind);
        made
    } else {
        let (method, path, of_body) = *random.of(&SENSIBLE);
        let mut made = ask(method, &path.replace("UPLOAD", upload));
        made.body = body(random, of_body);
        made
    };
    while random.one_in(3) {
        let value = percent(random.of::<&str>(&VALUES));
        let name = (*random.of(&QUERIES)).to_owned();
        made.query.push((name, value));
    }
    while random.one_in(2) {
        let value = match random.below(30) {
            0 => "v".repeat(random.below(5000)),
            1 => "\u{fc}\u{2603}".to_owned(),
            _ => (*random.of(&VALUES)).to_owned(),
        };
        made.headers
            .insert((*random.of(&HEADERS)).to_owned(), value);
    }
    made
}

fn percent(text: &str) -> String {
    let encode = |byte: u8| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_plain {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(encode).collect()
}

const fn random_body(choice: usize) -> &'static str {
    match choice {
        0 => "DELETE",
        1 => "COMPLETE",
        2 => "TAGS",
        3 => "LARGE",
        _ => "",
    }
}

fn body(random: &mut Random, kind: &str) -> Vec<u8> {
    let document = match kind {
        "LARGE" => {
            let count = 1 << random.below(21);
            return random.bytes(random_size(count));
        }
        "DELETE" => {
            "<Delete><Object><Key>key</Key></Object><Object><Key>a&amp;b</Key></Object></Delete>"
        }
        "COMPLETE" => {
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\
             \"8d777f385d3dfec8815d20f7496026dc\"</ETag></Part></CompleteMultipartUpload>"
        }
        "TAGS" => "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>",
        other => other,
    };
    let mut document = document.as_bytes().to_vec();
    while !document.is_empty() && random.one_in(2) {
        mutate_document(random, &mut document);
    }
    document
}

const fn random_size(count: usize) -> usize {
    count + count / 3
}

/// Repeats, removes or changes a piece between two tags, or a byte.
fn mutate_document(random: &mut Random, document: &mut Vec<u8>) {
    let marks: Vec<usize> = (0..document.len())
        .filter(|at| document[*at] == b'<')
        .collect();
    if marks.len() < 2 || random.one_in(4) {
        let at = random.below(document.len());
        document[at] = random.byte();
        return;
    }
    let (a, b) = (*random.of(&marks), *random.of(&marks));
    let piece = document[a.min(b)..a.max(b)].to_vec();
    match random.below(3) {
        0 => drop(document.drain(a.min(b)..a.max(b))),
        1 => {
            let many = piece.repeat(1 + random.below(50));
            document.splice(a..a, many);
        }
        _ => drop(document.splice(a..a, random.of(&ODD).bytes())),
    }
    document.truncate(100_000);
}

const ODD: [&str; 8] = [
    "<!-- -->",
    "<![CDATA[x]]>",
    "<!DOCTYPE x>",
    "<?xml version=\"1.1\"?>",
    "<x xmlns:y='z' y:a=\"b\"/>",
    "&#0;",
    "&lt;&#x10FFFF;",
    "\u{0}",
];
