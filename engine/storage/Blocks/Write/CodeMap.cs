namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Remembers, per source batch, what a code of that batch became in the block: a two-level table of 1,024-entry pages that
/// exist only where a code was used. A look-up is three loads; the value 0 means "not seen yet".
/// </summary>
internal sealed class CodeMap
{
    private const int PageBits = 10;
    private const int PageMask = (1 << PageBits) - 1;
    private readonly Stack<int[]> _free = new();
    private int[]?[][] _batches = [];

    /// <summary>The place of the code's entry, 0 if it was never set.</summary>
    public ref int this[int batch, int code]
    {
        get
        {
            var batches = _batches;
            if ((uint)batch < (uint)batches.Length)
            {
                var pages = batches[batch];
                var page = code >> PageBits;
                if ((uint)page < (uint)pages.Length && pages[page] is { } entries) return ref entries[code & PageMask];
            }

            return ref Add(batch, code);
        }
    }

    /// <summary>Forgets everything but the memory.</summary>
    public void Clear()
    {
        foreach (var pages in _batches)
            foreach (var page in pages)
                if (page is not null)
                    _free.Push(page);
        _batches = [];
    }

    private ref int Add(int batch, int code)
    {
        if (batch >= _batches.Length)
        {
            var old = _batches.Length;
            Array.Resize(ref _batches, Math.Max(batch + 1, old * 2));
            for (var i = old; i < _batches.Length; i++) _batches[i] = [];
        }

        var page = code >> PageBits;
        if (page >= _batches[batch].Length) Array.Resize(ref _batches[batch], Math.Max(page + 1, _batches[batch].Length * 2));
        var entries = _batches[batch][page] ??= NewPage();
        return ref entries[code & PageMask];
    }

    private int[] NewPage()
    {
        if (!_free.TryPop(out var page)) return new int[1 << PageBits];
        Array.Clear(page);
        return page;
    }
}
