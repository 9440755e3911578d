namespace Tempo.Engine.Storage.Wal;

/// <summary>The sizes and limits of the log's files; FORMAT.md draws the bytes.</summary>
internal static class WalFormat
{
    /// <summary>
    /// The one place where the version stands. It changes when a byte of a record or of a segment header changes its
    /// meaning; the header's own first 44 bytes keep their places for good, so that any build can name a file it cannot read.
    /// </summary>
    public const byte Version = 1;

    /// <summary>Every record begins at a multiple of this, so that the search after damage looks at one place in eight.</summary>
    public const int Alignment = 8;

    /// <summary>
    /// The first record stands here. A block of its own for the header, because the appends that follow rewrite the
    /// page they begin in: a torn append can never take the header with it.
    /// </summary>
    public const int RecordsOffset = 4096;

    /// <summary>Largest payload of one record: OTLP's 64 MiB.</summary>
    public const int MaxPayloadBytes = 64 << 20;

    /// <summary>Segments are at most this long: offsets within one are 32 bits wide.</summary>
    public const long MaxSegmentBytes = 1L << 30;

    /// <summary>Smallest segment that is of any use; tests use it.</summary>
    public const long MinSegmentBytes = 2 * RecordsOffset;

    public static int Align(int sizeBytes) => (sizeBytes + Alignment - 1) & -Alignment;
}
