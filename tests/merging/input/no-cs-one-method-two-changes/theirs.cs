using System;

namespace Notes
{
    public class Store
    {
        public string Name { get; set; }

        public void Add(string text)
        {
            Console.WriteLine(text.Trim());
        }
    }

    public enum Kind
    {
        Note,
        Task,
    }
}
