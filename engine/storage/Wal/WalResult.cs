namespace Tempo.Engine.Storage.Wal;

/// <summary>What an append came to.</summary>
public readonly record struct WalResult
{
    internal WalResult(WalStatus status, uint segmentIndex, long offset, string? message)
    {
        Status = status;
        SegmentIndex = segmentIndex;
        Offset = offset;
        _message = message;
    }

    private readonly string? _message;

    public WalStatus Status { get; }

    /// <summary>The acknowledgement may go out.</summary>
    public bool IsDurable => Status == WalStatus.Durable;

    /// <summary>The disk is full; nothing is lost, and it works again by itself when there is space.</summary>
    public bool IsFull => Status == WalStatus.Full;

    /// <summary>The segment of the generation that holds the record, if it is durable.</summary>
    public uint SegmentIndex { get; }

    /// <summary>The byte in that segment where the record begins.</summary>
    public long Offset { get; }

    /// <summary>Why not; empty for a durable record.</summary>
    public string Message => _message ?? "";
}

/// <summary>The outcomes of an append.</summary>
public enum WalStatus
{
    /// <summary>As safe as <see cref="WalOptions.Sync"/> says.</summary>
    Durable,

    /// <summary>Not written: no space.</summary>
    Full,

    /// <summary>Write or sync failed. The record may or may not come back after a restart; the next append goes to a new segment.</summary>
    Failed,
}
