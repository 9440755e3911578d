namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>
/// Keeps sections of sidecars in memory, up to a number of bytes. What was not used since the hand last passed goes first
/// (second chance); using a section that is there costs no lock. Thread safe.
/// </summary>
public sealed class SidecarCache(long maxBytes)
{
    private readonly Lock _lock = new();
    private readonly List<CachedSection> _kept = [];
    private int _hand;
    private long _bytes;
    private long _damaged;
    private long _missing;

    /// <summary>Most bytes.</summary>
    public long MaxBytes => maxBytes;

    /// <summary>Bytes of the sections that are kept.</summary>
    public long SizeBytes => Interlocked.Read(ref _bytes);

    /// <summary>Sidecars and sections that were damaged, or of other data, and are not used.</summary>
    public long DamagedCount => Interlocked.Read(ref _damaged);

    /// <summary>Blocks that have no sidecar.</summary>
    public long MissingCount => Interlocked.Read(ref _missing);

    internal void CountDamaged() => Interlocked.Increment(ref _damaged);

    internal void CountMissing() => Interlocked.Increment(ref _missing);

    /// <summary>Keeps what was loaded, unless it is more than all that may be kept.</summary>
    internal void Keep(CachedSection section, byte[] bytes)
    {
        lock (_lock)
        {
            if (section.Bytes is not null || section.IsClosed || bytes.Length > maxBytes) return;
            section.Bytes = bytes;
            section.IsUsed = true;
            _kept.Add(section);
            _bytes += bytes.Length;
            while (_bytes > maxBytes) Turn();
        }
    }

    /// <summary>The block is gone.</summary>
    internal void Close(IEnumerable<CachedSection> sections)
    {
        lock (_lock)
        {
            foreach (var section in sections)
            {
                section.IsClosed = true;
                if (section.Bytes is { } bytes) _bytes -= bytes.Length;
                section.Bytes = null;
            }

            _kept.RemoveAll(static section => section.IsClosed);
        }
    }

    private void Turn()
    {
        if (_hand >= _kept.Count) _hand = 0;
        var section = _kept[_hand];
        if (section.IsUsed)
        {
            section.IsUsed = false;
            _hand++;
            return;
        }

        _bytes -= section.Bytes!.Length;
        section.Bytes = null;
        _kept[_hand] = _kept[^1];
        _kept.RemoveAt(_kept.Count - 1);
    }
}

/// <summary>A section that may be in memory. Written under the cache's lock, but for <see cref="IsUsed"/>.</summary>
internal sealed class CachedSection
{
    private volatile byte[]? _bytes;
    private volatile bool _isUsed;

    public byte[]? Bytes
    {
        get => _bytes;
        set => _bytes = value;
    }

    public bool IsUsed
    {
        get => _isUsed;
        set => _isUsed = value;
    }

    public bool IsClosed { get; set; }

    /// <summary>Bytes, if they are in memory; notes the use.</summary>
    public byte[]? Use()
    {
        var bytes = _bytes;
        // Only if it changes something: the line is shared by all readers.
        if (bytes is not null && !_isUsed) _isUsed = true;
        return bytes;
    }
}
