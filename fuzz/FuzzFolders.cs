using System.Security.Cryptography;

namespace Tempo.Fuzz;

/// <summary>
/// Seeds and crashes in the source tree: <c>fuzz/Corpus/&lt;corpus&gt;</c> holds what mutation starts from,
/// <c>fuzz/Crashes/&lt;target&gt;</c> every input that has ever failed, to be run again for good.
/// </summary>
internal static class FuzzFolders
{
    private static readonly string _root = FindRoot();

    public static IEnumerable<byte[]> ReadSeeds(IFuzzTarget target) => ReadAll("Corpus", target.Corpus);

    public static IEnumerable<byte[]> ReadCrashes(IFuzzTarget target) => ReadAll("Crashes", target.Name);

    /// <summary>Keeps a failing input under a name that is made of its content; returns the path.</summary>
    public static string SaveCrash(IFuzzTarget target, byte[] input)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root, "Crashes", target.Name)).FullName;
        var path = Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(input).AsSpan(0, 6)) + ".bin");
        File.WriteAllBytes(path, input);
        return path;
    }

    private static IEnumerable<byte[]> ReadAll(string kind, string name)
    {
        var folder = Path.Combine(_root, kind, name);
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : [];
    }

    /// <summary>The fuzz folder of the source tree that the current directory, or else the program, lies in.</summary>
    private static string FindRoot()
    {
        foreach (var start in new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory })
        {
            for (var folder = start; folder is not null; folder = Path.GetDirectoryName(folder))
            {
                var candidate = Path.Combine(folder, "fuzz");
                if (Directory.Exists(Path.Combine(candidate, "Corpus"))) return candidate;
            }
        }

        throw new DirectoryNotFoundException("fuzz/Corpus not found: start the fuzzer within the source tree");
    }
}
