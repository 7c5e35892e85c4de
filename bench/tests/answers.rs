//! The driver and `verify` believe no answer but the greeting.

use bench::answers::Answer;

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\
                      date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nHello, World!";

#[test]
fn an_answer_is_whole_with_its_last_byte_only() {
    for length in 0..ANSWER.len() {
        let read = Answer::read(&ANSWER.as_bytes()[..length]);
        assert_eq!(read.unwrap(), None, "after {length} bytes");
    }
    let answer = Answer::read(ANSWER.as_bytes()).unwrap().unwrap();
    assert_eq!(answer, Answer { length: ANSWER.len(), closes: false });
}

#[test]
fn its_length_is_what_its_head_makes_it() {
    let long = ANSWER.replace("date:", "X-Served-By: somebody\r\nDate:");
    let two = format!("{long}{ANSWER}");
    let first = Answer::read(two.as_bytes()).unwrap().unwrap();
    assert_eq!(first.length, long.len());
    let second = Answer::read(&two.as_bytes()[first.length..]).unwrap().unwrap();
    assert_eq!(second.length, ANSWER.len());
}

#[test]
fn the_last_one_says_so() {
    let last = ANSWER.replace("date:", "Connection: close\r\ndate:");
    assert!(Answer::read(last.as_bytes()).unwrap().unwrap().closes);
}

#[test]
fn anything_else_is_an_error() {
    let changes = [
        ("200 OK", "404 Not Found"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("length: 13", "length: 5"),
        ("content-length: 13\r\n", ""),
        ("text/plain", "text/html"),
        ("Hello, World!", "Hello, World?"),
        ("Hello, World!", "Hello\r\n\r\nHello, World!"),
    ];
    for (from, to) in changes {
        let wrong = ANSWER.replace(from, to);
        assert!(Answer::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert!(Answer::read(&[b'x'; 2000]).is_err(), "a head without an end");
}
