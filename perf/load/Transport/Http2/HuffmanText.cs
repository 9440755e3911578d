namespace Tempo.Perf.Load.Transport.Http2;

/// <summary>
/// HPACK's Huffman code, RFC 7541 Appendix B (https://www.rfc-editor.org/rfc/rfc7541#appendix-B). The code is canonical (codes of one
/// length ascend with the symbol, and go on from the shorter ones), so its lengths say everything and the codes follow.
/// Reads a bit at a time: the tool sees some ten such bytes in an answer.
/// </summary>
internal static class HuffmanText
{
    private const int LongestCode = 30;
    private const int EndOfString = 256;

    private static readonly byte[] CodeLengths =
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28,
        28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11,
        10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8,
        15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5,
        6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
        7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
        23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21,
        23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25,
        26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
        28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
    ];

    /// <summary>All symbols, shortest code first.</summary>
    private static readonly short[] Symbols =
        [.. Enumerable.Range(0, CodeLengths.Length).OrderBy(static s => CodeLengths[s]).Select(static s => (short)s)];

    private static readonly int[] CountOfLength =
        [.. Enumerable.Range(0, LongestCode + 1).Select(static length => CodeLengths.Count(l => l == length))];

    /// <summary>Decodes into <paramref name="text"/>, as much as it holds.</summary>
    /// <returns>The number of bytes written, or -1 when the bits are not of this code.</returns>
    public static int Decode(ReadOnlySpan<byte> bits, Span<byte> text)
    {
        int written = 0, code = 0, length = 0, firstCode = 0, firstSymbol = 0;
        for (int i = 0; i < bits.Length * 8; i++)
        {
            code = code << 1 | bits[i >> 3] >> (7 - (i & 7)) & 1;
            if (++length > LongestCode) return -1;
            firstCode <<= 1;
            if (code - firstCode >= CountOfLength[length])
            {
                firstCode += CountOfLength[length];
                firstSymbol += CountOfLength[length];
                continue;
            }
            int symbol = Symbols[firstSymbol + code - firstCode];
            if (symbol == EndOfString) return -1;
            if (written == text.Length) return written;
            text[written++] = (byte)symbol;
            code = length = firstCode = firstSymbol = 0;
        }
        return length < 8 ? written : -1;
    }
}
