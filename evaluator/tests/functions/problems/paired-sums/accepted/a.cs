public class Solution {
    public long PairedSums(int[][] rows, bool wide) {
        long total = 0;
        foreach (var row in rows)
            for (int j = 0; j < row.Length && (wide || j == 0); j++) total += row[j];
        return total;
    }
}
