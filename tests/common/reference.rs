//! A slow and simple implementation: HMAC as in RFC 2104, hexadecimal and base64 with a table. It shares
//! only the hash functions with the crate.
#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(message).to_vec(),
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    fn block_bytes(self) -> usize {
        match self {
            Self::Sha1 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }

    pub fn digest_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// H((K xor opad), H((K xor ipad), text)), RFC 2104 section 2.
pub fn hmac(hash: Hash, key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > hash.block_bytes() {
        hash.digest(key)
    } else {
        key.to_vec()
    };
    block.resize(hash.block_bytes(), 0);
    let inner: Vec<u8> = block.iter().map(|byte| byte ^ 0x36).collect();
    let outer: Vec<u8> = block.iter().map(|byte| byte ^ 0x5c).collect();
    let inner = hash.digest(&[&inner, text].concat());
    hash.digest(&[outer, inner].concat())
}

const HEX: &[u8; 16] = b"0123456789abcdef";

pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

pub fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        let byte = byte.to_ascii_lowercase();
        HEX.iter().position(|digit| *digit == byte)
    };
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks(2)
        .map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8))
        .collect()
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub fn base64(bytes: &[u8]) -> String {
    let mut text = encode64(STANDARD, bytes);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

pub fn base64url(bytes: &[u8]) -> String {
    encode64(URL, bytes)
}

fn encode64(table: &[u8; 64], bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = 0_u32;
        for index in 0..3 {
            bits = bits << 8 | u32::from(group.get(index).copied().unwrap_or(0));
        }
        for index in 0..=group.len() {
            let six = bits >> (18 - 6 * index) & 63;
            text.push(char::from(table[six as usize]));
        }
    }
    text
}

/// The bytes, if this is their canonical encoding.
pub fn unbase64(text: &[u8]) -> Option<Vec<u8>> {
    let bytes = decode64(STANDARD, text)?;
    (base64(&bytes).as_bytes() == text).then_some(bytes)
}

/// As [`unbase64`], padded or not.
pub fn unbase64url(text: &[u8]) -> Option<Vec<u8>> {
    let bytes = decode64(URL, text)?;
    let unpadded = base64url(&bytes);
    let mut padded = unpadded.clone();
    while !padded.len().is_multiple_of(4) {
        padded.push('=');
    }
    (unpadded.as_bytes() == text || padded.as_bytes() == text).then_some(bytes)
}

fn decode64(table: &[u8; 64], text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.iter().filter(|byte| **byte != b'=') {
        let six = table.iter().position(|symbol| symbol == byte)?;
        bits = (bits << 6 | six as u32) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}
