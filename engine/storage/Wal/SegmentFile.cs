namespace Tempo.Engine.Storage.Wal;

/// <summary>A segment file of a generation, as the folder keeps account of it. Guarded by the folder's lock.</summary>
internal sealed class SegmentFile(string name, uint index, long sizeBytes)
{
    public string Name { get; } = name;

    public uint Index { get; } = index;

    public long SizeBytes { get; } = sizeBytes;

    /// <summary>Its blocks are whole and of the common size: it may become a spare.</summary>
    public bool IsRecyclable { get; set; }

    /// <summary>Replay found acknowledged bytes that do not verify: it is put aside, not deleted.</summary>
    public bool IsDamaged { get; set; }

    /// <summary>The folder has taken it out of the generation, though perhaps not durably yet.</summary>
    public bool IsGone { get; set; }
}
