function pairedSums(rows: number[][], wide: boolean): bigint {
    let total = 0n;
    for (const row of rows) for (const x of wide ? row : row.slice(0, 1)) total += BigInt(x);
    return total;
}
