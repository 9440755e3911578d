namespace Tempo.Engine.Foundation;

/// <summary>What a bounded decompression came to.</summary>
public enum DecompressStatus
{
    /// <summary>The whole input was decompressed.</summary>
    Done = 0,

    /// <summary>The input is not valid, or ends early.</summary>
    Malformed,

    /// <summary>The output would be larger than the caller's limit; what was produced so far is not to be used.</summary>
    TooLarge,
}
