using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// What reading needs between the bytes of a page and the columns of a batch: a column at a time, so any number of row groups
/// that are read by one thread, one after the other, need it once. Some MB after a page of many attributes.
/// </summary>
public sealed class ReadMemory
{
    /// <summary>Kept for the look-ups to come: as many as may run at once on a few cores.</summary>
    private const int MaxKept = 4;

    /// <summary>What a page of ordinary traces needs; one that has grown beyond is not kept.</summary>
    private const long MaxKeptBytes = 8 << 20;

    private static readonly Lock s_lock = new();
    private static readonly Stack<ReadMemory> s_kept = new();

    /// <summary>
    /// Who reads with it goes through whole row groups, one after the other, and does not come back: their dictionaries are not kept for
    /// others.
    /// </summary>
    internal bool IsOnePass { get; private set; }

    /// <summary>The column that was loaded last.</summary>
    internal ColumnData Column { get; } = new();

    /// <summary>The page that was fetched last without being decoded.</summary>
    internal EncodedPage Page { get; } = new();

    /// <summary>Of the attribute group that is being read: what is an array, and where the values of a leaf begin.</summary>
    internal byte[] IsArray = [];
    internal int[] Starts = [];
    internal readonly LeafMarks Marks = new();
    internal ulong[] Begins = [];
    internal ulong[] Values = [];
    internal ulong[] Repeats = [];

    private long SizeBytes =>
        Column.AllocatedBytes + IsArray.Length + 4L * Starts.Length + 8L * (Begins.Length + Values.Length + Repeats.Length)
            + Marks.AllocatedBytes;

    /// <summary>One that was used before, if there is one: the arrays of a page cost more to allocate than a trace to read.</summary>
    /// <param name="isOnePass">See <see cref="IsOnePass"/>.</param>
    public static ReadMemory Rent(bool isOnePass = false)
    {
        ReadMemory? memory;
        lock (s_lock) _ = s_kept.TryPop(out memory);
        memory ??= new ReadMemory();
        memory.IsOnePass = isOnePass;
        return memory;
    }

    /// <summary>Gives it back; no reader uses it any more. What was read into batches does not refer to it.</summary>
    public void Return()
    {
        // A dictionary belongs to its block.
        Column.Clear();
        Page.Release();
        if (SizeBytes > MaxKeptBytes) return;
        lock (s_lock)
            if (s_kept.Count < MaxKept)
                s_kept.Push(this);
    }
}
