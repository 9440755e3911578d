namespace Tempo.Fuzz;

/// <summary>
/// Code that reads bytes from outside, with an oracle that knows what must hold whatever the bytes are. To add one:
/// implement this in Targets/, put a few seeds into Corpus/, and register it by one line in <see cref="FuzzTargets"/>.
/// </summary>
internal interface IFuzzTarget
{
    /// <summary>Name on the command line and of the folder under Crashes/.</summary>
    string Name { get; }

    /// <summary>Folder under Corpus/ with the seeds; targets that read the same format share one.</summary>
    string Corpus => Name;

    /// <summary>Byte strings of the format that chance would not find soon.</summary>
    IReadOnlyList<byte[]> Dictionary => [];

    /// <summary>
    /// Reads <paramref name="input"/>, which lies flush against memory that cannot be touched. Returns if all is well;
    /// throws (best through <see cref="Oracle"/>) if not. Must do the same for the same input.
    /// </summary>
    void Run(ReadOnlySpan<byte> input);
}
