func liftedWords(text string) []string {
	return strings.Fields(text)
}
