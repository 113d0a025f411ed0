const liftedWords = (text: string): string[] => text.split(' ').filter(word => word.length > 0);
