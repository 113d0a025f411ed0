func pairedSums(rows [][]int, wide bool) int64 {
	var total int64
	for _, row := range rows {
		for j, x := range row {
			if wide || j == 0 {
				total += int64(x)
			}
		}
	}
	return total
}
