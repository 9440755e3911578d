namespace Tempo.Engine.Query.Tags;

/// <summary>
/// What an answer of names or of values may take: bytes of texts by the tenant's limit, and memory by what all queries share. Not thread
/// safe.
/// </summary>
internal sealed class TagRoom(TagLimits limits) : IDisposable
{
    // Of a text: where it is collected, where it is put in order, as an object of the answer and in its list; of a number about as much.
    private const long EntryBytes = 160;
    private const long BytesOfTextByte = 5;

    private readonly MemoryBudget _budget = new(long.MaxValue, limits.Memory);
    private long _bytes;
    private bool _isCutByMemory;

    /// <summary>Something was left out. From then on nothing more is taken.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Takes room for another text of so many bytes; false, and the answer is full, if there is none.</summary>
    public bool TryTake(int bytes)
    {
        if (IsFull) return false;
        if (_bytes + bytes > limits.MaxBytes) IsFull = true;
        else if (!_budget.TryCharge(EntryBytes + bytes * BytesOfTextByte)) IsFull = _isCutByMemory = true;
        else _bytes += bytes;
        return !IsFull;
    }

    /// <summary>What is said of a full answer.</summary>
    /// <param name="what">That it has.</param>
    public string Cut(string what) => _isCutByMemory
        ? $"there are more {what}: the limit is {limits.Memory.MaxBytesOfOne} bytes of memory (a query's share)"
        : $"there are more {what}: the limit is {limits.MaxBytes} bytes of them (max_bytes_per_tag_values_query)";

    public void Dispose() => _budget.Dispose();
}
