func swappedEnds(letters []byte) {
	if n := len(letters); n > 0 {
		letters[0], letters[n-1] = letters[n-1], letters[0]
	}
}
