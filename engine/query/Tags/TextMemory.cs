using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Tags;

/// <summary>
/// Texts and how often each was seen: the memory of one answer, kept for the next one, since to grow it again costs as much as to fill it.
/// </summary>
internal sealed class TextMemory
{
    /// <summary>Kept for the answers to come.</summary>
    private const int MaxKept = 2;

    /// <summary>What an answer of the default limit needs; one that has grown beyond is not kept.</summary>
    private const long MaxKeptBytes = 4 << 20;

    private static readonly Lock Lock = new();
    private static readonly Stack<TextMemory> Kept = new();

    private long[] _counts = new long[256];

    private TextMemory()
    {
    }

    public InternTable Texts { get; } = new();

    /// <summary>Of each text, by its code; 0 for one that is left out.</summary>
    public long[] Counts => _counts;

    /// <summary>The text's code; if it is new, its count is 0.</summary>
    public int Intern(ReadOnlySpan<byte> text)
    {
        var known = Texts.Count;
        var code = Texts.Intern(text);
        if (code < known) return code;
        // What it grows by is not zeroed.
        GrowableArray.Reserve(ref _counts, code + 1);
        _counts[code] = 0;
        return code;
    }

    /// <summary>The text's code, -1 if it is not there.</summary>
    public int TryFind(ReadOnlySpan<byte> text) => Texts.TryFind(text);

    /// <summary>Empty.</summary>
    public static TextMemory Rent()
    {
        lock (Lock) return Kept.TryPop(out var kept) ? kept : new TextMemory();
    }

    /// <summary>Nobody reads it any more.</summary>
    public void Return()
    {
        if (Texts.Bytes.Length + ((long)_counts.Length * sizeof(long)) + ((long)Texts.Offsets.Length * sizeof(int)) > MaxKeptBytes) return;
        _counts[InternTable.Empty] = 0;
        Texts.Clear();
        lock (Lock)
            if (Kept.Count < MaxKept)
                Kept.Push(this);
    }
}
