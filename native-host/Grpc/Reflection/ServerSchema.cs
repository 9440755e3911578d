using System.Text;

namespace Tempo.Host.Grpc.Reflection;

/// <summary>The .proto files that this binary carries, described; made on first use. Thread safe once it is made.</summary>
internal sealed class ServerSchema
{
    private const string Folder = "Protos/";

    private readonly Dictionary<string, ProtoFile> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _descriptors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _fileOf = new(StringComparer.Ordinal);

    private ServerSchema()
    {
    }

    /// <summary>All services, by their full names.</summary>
    public IEnumerable<string> Services => _files.Values.SelectMany(static f => f.Services.Select(s => $"{f.Package}.{s.Name}"));

    /// <summary>All methods, as gRPC paths.</summary>
    public IEnumerable<string> Methods =>
        _files.Values.SelectMany(static f => f.Services.SelectMany(s => s.Methods.Select(m => $"/{f.Package}.{s.Name}/{m.Name}")));

    /// <summary>Reads the files out of the binary.</summary>
    public static ServerSchema Load()
    {
        var schema = new ServerSchema();
        var assembly = typeof(ServerSchema).Assembly;
        foreach (var name in assembly.GetManifestResourceNames().Where(static n => n.StartsWith(Folder, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
            var file = ProtoParser.Parse(name[Folder.Length..], reader.ReadToEnd());
            schema._files.Add(file.Name, file);
        }

        schema.Describe();
        return schema;
    }

    /// <summary>The descriptors of a file and of all it imports, itself first; null if there is no such file.</summary>
    public List<byte[]>? FindFile(string name)
    {
        if (!_files.ContainsKey(name)) return null;
        var names = new List<string> { name };
        for (var i = 0; i < names.Count; i++)
            foreach (var import in _files[names[i]].Imports)
                if (!names.Contains(import))
                    names.Add(import);
        return names.ConvertAll(file => _descriptors[file]);
    }

    /// <summary>The same for the file that declares a service, a method or a type.</summary>
    public List<byte[]>? FindSymbol(string name) => _fileOf.TryGetValue(name, out var file) ? FindFile(file) : null;

    private void Describe()
    {
        var types = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var file in _files.Values)
        {
            var own = new Dictionary<string, bool>(StringComparer.Ordinal);
            FileDescriptor.AddTypes(file, own);
            foreach (var (name, isEnum) in own)
            {
                types.Add(name, isEnum);
                _fileOf.Add(name, file.Name);
            }

            foreach (var service in file.Services)
            {
                _fileOf.Add($"{file.Package}.{service.Name}", file.Name);
                foreach (var method in service.Methods) _fileOf.Add($"{file.Package}.{service.Name}.{method.Name}", file.Name);
            }
        }

        foreach (var file in _files.Values) _descriptors.Add(file.Name, new FileDescriptor(types).Write(file));
    }
}
