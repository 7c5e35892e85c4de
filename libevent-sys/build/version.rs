//! A libevent version, as its headers count it.

/// `2.1.13-stable` and `0x02010d00`.
#[derive(Clone)]
pub struct Version {
    pub text: String,
    pub number: u32,
}

impl Version {
    /// From upstream's spelling; the word after the dash is not counted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let numbers = text.split('-').next().unwrap_or(text);
        let parts: Vec<u8> = numbers.split('.').map_while(|part| part.parse().ok()).collect();
        let [major, minor, patch] = parts[..] else {
            return Err(format!("{text:?} is not a libevent version"));
        };
        let number = u32::from_be_bytes([major, minor, patch, 0]);
        Ok(Self { text: text.to_owned(), number })
    }

    /// From the two macros of a header.
    pub fn counted(number: &str, text: &str) -> Result<Self, String> {
        let number = u32::from_str_radix(number.trim_start_matches("0x"), 16)
            .map_err(|_| format!("{number:?} is not a libevent version number"))?;
        Ok(Self { text: text.to_owned(), number })
    }

    /// The bindings describe 2.1; 2.2 kept all of it that they use.
    pub fn is_supported(&self) -> bool {
        (0x0201_0000..0x0203_0000).contains(&self.number)
    }

    pub fn is_2_2(&self) -> bool {
        self.number >= 0x0202_0000
    }
}
