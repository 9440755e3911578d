namespace Tempo.Fuzz;

/// <summary>Takes pieces out of an input that fails, as long as it still fails: large ones first, then ever smaller ones.</summary>
/// <param name="fails">Whether an input does; asked in another process, which may die of it.</param>
/// <param name="mostAttempts">Each costs the start of a process.</param>
internal sealed class Minimiser(Func<byte[], bool> fails, int mostAttempts)
{
    private int _attempts;

    /// <summary>The input itself if nothing can be spared, or it does not fail when it is alone.</summary>
    public byte[] Minimise(byte[] input)
    {
        for (var size = Math.Max(1, input.Length / 2); size > 0 && _attempts < mostAttempts; size /= 2) input = WithoutPieces(input, size);
        return input;
    }

    // From the end, so that what is before a piece that was taken out keeps its place.
    private byte[] WithoutPieces(byte[] input, int size)
    {
        for (var end = input.Length; end > 0 && _attempts < mostAttempts; end -= size)
        {
            byte[] shorter = [.. input.AsSpan(0, Math.Max(0, end - size)), .. input.AsSpan(end)];
            _attempts++;
            if (fails(shorter)) input = shorter;
        }

        return input;
    }
}
