using System.Reflection;
using System.Text.RegularExpressions;

namespace Tempo.Architecture.Tests;

/// <summary>The repository as files on disk; every path is relative to its root and has forward slashes.</summary>
internal static partial class SourceTree
{
    /// <summary>The folders whose code ships in the binary.</summary>
    public static readonly string[] ProductFolders = ["engine", "native-host", "ring", "simd-bloom"];

    public static readonly string Root = typeof(SourceTree).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "RepositoryRoot").Value!;

    /// <summary>Every project of the tree, in ordinal order.</summary>
    public static string[] Projects() => Files(".", "*.csproj");

    public static string[] ProductSources() => [.. ProductFolders.SelectMany(folder => Files(folder, "*.cs"))];

    public static bool Exists(string path) => Path.Exists(Path.Combine(Root, path));

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static string[] Lines(string path) => File.ReadAllLines(Path.Combine(Root, path));

    /// <summary>The lines of a source without their <c>//</c> comments. A <c>//</c> inside a string is cut too, which
    /// can only make a rule miss something on that line, never accuse it wrongly.</summary>
    public static string[] CodeLines(string path) =>
        [.. Lines(path).Select(line => LineComment().Replace(line, ""))];

    public static string[] Files(string folder, string pattern)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Hidden };
        return [.. Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, options)
            .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(path => !GeneratedFolder().IsMatch(path))
            .Order(StringComparer.Ordinal)];
    }

    [GeneratedRegex("//.*$")]
    private static partial Regex LineComment();

    [GeneratedRegex("(^|/)(artifacts|node_modules|bin|obj)/")]
    private static partial Regex GeneratedFolder();
}
