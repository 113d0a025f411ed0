char** liftedWords(char* text, int* returnSize) {
    char** words = malloc((strlen(text) + 1) * sizeof(char*));
    *returnSize = 0;
    for (char* word = strtok(text, " "); word; word = strtok(NULL, " ")) words[(*returnSize)++] = word;
    return words;
}
