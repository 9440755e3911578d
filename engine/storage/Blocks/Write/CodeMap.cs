using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Remembers, per source batch, what a code of that batch became in the block: a two-level table of 256-entry pages that
/// exist only where a code was used. A look-up is three loads, two where the batch was looked up before; the default value
/// means "not seen yet".
/// </summary>
internal sealed class CodeMap<T>
    where T : unmanaged
{
    private const int PageBits = 8;
    private const int PageMask = (1 << PageBits) - 1;

    /// <summary>
    /// Pages that are kept for the next batches: codes of texts that are all different take twenty times as many, which nobody needs again.
    /// </summary>
    private const int MaxFreePages = 1024;

    private readonly Stack<T[]> _free = new();
    private T[]?[][] _batches = [];
    private int _batchCount;

    /// <summary>Pages that nobody uses.</summary>
    internal int FreePageCount => _free.Count;

    /// <summary>What is known of one batch's codes at this moment; what is set later may be missing in it.</summary>
    public Codes Of(int batch) => new((uint)batch < (uint)_batchCount ? _batches[batch] : []);

    /// <summary>The place of the code's entry, the default if it was never set.</summary>
    public ref T this[int batch, int code]
    {
        get
        {
            if ((uint)batch < (uint)_batchCount)
            {
                var pages = _batches[batch];
                var page = code >> PageBits;
                if ((uint)page < (uint)pages.Length && pages[page] is { } entries) return ref Entry(entries, code);
            }

            return ref Add(batch, code);
        }
    }

    /// <summary>Forgets everything but the memory.</summary>
    public void Clear()
    {
        foreach (var pages in _batches.AsSpan(0, _batchCount))
        {
            foreach (var page in pages)
                if (page is not null && _free.Count < MaxFreePages)
                    _free.Push(page);
            Array.Clear(pages);
        }

        _batchCount = 0;
    }

    private ref T Add(int batch, int code)
    {
        if (batch >= _batches.Length)
        {
            var old = _batches.Length;
            Array.Resize(ref _batches, Math.Max(batch + 1, old * 2));
            for (var i = old; i < _batches.Length; i++) _batches[i] = [];
        }

        if (batch >= _batchCount) _batchCount = batch + 1;
        var page = code >> PageBits;
        if (page >= _batches[batch].Length) Array.Resize(ref _batches[batch], Math.Max(page + 1, _batches[batch].Length * 2));
        var entries = _batches[batch][page] ??= NewPage();
        return ref Entry(entries, code);
    }

    // Every page has 1 << PageBits entries. Its length would be a second miss, in a line of its own.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref T Entry(T[] page, int code) => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(page), code & PageMask);

    private T[] NewPage()
    {
        if (!_free.TryPop(out var page)) return new T[1 << PageBits];
        Array.Clear(page);
        return page;
    }

    /// <summary>The codes of one batch.</summary>
    public readonly struct Codes(T[]?[] pages)
    {
        /// <summary>The code's entry, the default if there is none.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Find(int code)
        {
            var page = code >> PageBits;
            return (uint)page < (uint)pages.Length && pages[page] is { } entries ? Entry(entries, code) : default;
        }
    }
}
