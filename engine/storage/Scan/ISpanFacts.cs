namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// What can be said of the spans of a row group, or of one of its pages, before anything of them is decoded. A "no" is certain, a "maybe"
/// says nothing. Used by one thread. Throws <see cref="Blocks.Read.BlockReadException"/>.
/// </summary>
public interface ISpanFacts
{
    /// <summary>False: no owner of the scope has the key.</summary>
    bool MayHaveKey(AttributeScope scope, byte[] key);

    /// <summary>False: no owner of the scope has this text as value of the key, alone or in a list.</summary>
    bool MayHaveText(AttributeScope scope, byte[] key, byte[] text);

    /// <summary>
    /// False: no owner of the scope has a number (an int, or a double) from <paramref name="min"/> to <paramref name="max"/> as value
    /// of the key, alone or in a list.
    /// </summary>
    bool MayHaveNumber(AttributeScope scope, byte[] key, double min, double max);

    /// <summary>False: none of the spans (or their events, by the column) has exactly this text there.</summary>
    bool MayHaveText(TextColumn column, byte[] text);

    /// <summary>The names of the spans, if they are all in one table, and looking through it costs less than a scan.</summary>
    StringTable? Names { get; }

    /// <summary>The names of the services, likewise.</summary>
    StringTable? ServiceNames { get; }

    /// <summary>What the durations of the spans lie between, nanoseconds inclusive; everything if it is not known.</summary>
    (ulong Min, ulong Max) Durations { get; }

    /// <summary>The same of their starts, unix nanoseconds.</summary>
    (ulong Min, ulong Max) Starts { get; }

    /// <summary>The same of their status codes, as they stand in the block.</summary>
    (ulong Min, ulong Max) StatusCodes { get; }

    /// <summary>The same of their kinds.</summary>
    (ulong Min, ulong Max) Kinds { get; }

    /// <summary>When their traces begin and end.</summary>
    TraceTimes TraceTimes { get; }
}

/// <summary>Texts that spans have beside their attributes.</summary>
public enum TextColumn
{
    Name,
    StatusMessage,
    EventName,
}

/// <summary>When the traces of some rows begin and end, by bounds in the file; all time if they are not known.</summary>
/// <param name="MinStartUnixNano">Start of the first to start.</param>
/// <param name="MaxStartUnixNano">Start of the last to start.</param>
/// <param name="MaxEndUnixNano">End of the last to end.</param>
public readonly record struct TraceTimes(ulong MinStartUnixNano, ulong MaxStartUnixNano, ulong MaxEndUnixNano);
